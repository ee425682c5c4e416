"""The tables of Transfer: access rules, tasks, their items and events, bookmarks.

Instants are seconds since the epoch. Paths are bytes: a name need not be UTF-8.
"""

from __future__ import annotations

from typing import Final

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS access_rules (
    id TEXT PRIMARY KEY,
    collection_id TEXT NOT NULL,
    principal_type TEXT NOT NULL,
    principal TEXT NOT NULL,
    path BLOB NOT NULL,
    permissions TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL,
    UNIQUE (collection_id, principal_type, principal, path)
);
CREATE TABLE IF NOT EXISTS tasks (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    label TEXT,
    owner_id TEXT NOT NULL,
    owner_username TEXT NOT NULL,
    submission_id TEXT NOT NULL,
    options TEXT NOT NULL,
    path_pairs TEXT NOT NULL,
    requested_at REAL NOT NULL,
    started_at REAL,
    completed_at REAL,
    deadline REAL NOT NULL,
    deadline_is_fixed INTEGER NOT NULL DEFAULT 0,
    source_id TEXT NOT NULL,
    destination_id TEXT,
    source_base_path BLOB,
    destination_base_path BLOB,
    nice_status TEXT,
    nice_status_details TEXT,
    fatal_error_code TEXT,
    fatal_error_description TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    canceled_by_admin TEXT,
    canceled_by_admin_message TEXT,
    faults INTEGER NOT NULL DEFAULT 0,
    files INTEGER NOT NULL DEFAULT 0,
    directories INTEGER NOT NULL DEFAULT 0,
    symlinks INTEGER NOT NULL DEFAULT 0,
    files_skipped INTEGER NOT NULL DEFAULT 0,
    files_transferred INTEGER NOT NULL DEFAULT 0,
    subtasks_total INTEGER NOT NULL DEFAULT 0,
    subtasks_pending INTEGER NOT NULL DEFAULT 0,
    subtasks_retrying INTEGER NOT NULL DEFAULT 0,
    subtasks_succeeded INTEGER NOT NULL DEFAULT 0,
    subtasks_expired INTEGER NOT NULL DEFAULT 0,
    subtasks_canceled INTEGER NOT NULL DEFAULT 0,
    subtasks_failed INTEGER NOT NULL DEFAULT 0,
    subtasks_skipped_errors INTEGER NOT NULL DEFAULT 0,
    bytes_transferred INTEGER NOT NULL DEFAULT 0,
    bytes_in_flight INTEGER NOT NULL DEFAULT 0,
    bytes_checksummed INTEGER NOT NULL DEFAULT 0,
    UNIQUE (owner_id, submission_id)
);
CREATE INDEX IF NOT EXISTS tasks_by_status ON tasks (status, number);
CREATE INDEX IF NOT EXISTS tasks_by_source ON tasks (source_id, number);
CREATE INDEX IF NOT EXISTS tasks_by_destination ON tasks (destination_id, number);
CREATE TABLE IF NOT EXISTS task_items (
    id INTEGER PRIMARY KEY,
    task_id TEXT NOT NULL,
    parent INTEGER,
    kind TEXT NOT NULL,
    source BLOB NOT NULL,
    destination BLOB,
    external_checksum TEXT,
    checksum_algorithm TEXT,
    state TEXT NOT NULL DEFAULT 'pending',
    begun INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    retry_at REAL,
    size_bytes INTEGER,
    checksum TEXT,
    error_code TEXT,
    error_details TEXT,
    error_at REAL
);
CREATE INDEX IF NOT EXISTS task_items_by_state ON task_items (task_id, state, id);
CREATE INDEX IF NOT EXISTS task_items_by_retry ON task_items (task_id, retry_at) WHERE state = 'retrying';
CREATE INDEX IF NOT EXISTS task_items_by_parent ON task_items (parent) WHERE parent IS NOT NULL;
CREATE TABLE IF NOT EXISTS task_events (
    id INTEGER PRIMARY KEY,
    task_id TEXT NOT NULL,
    code TEXT NOT NULL,
    is_error INTEGER NOT NULL,
    description TEXT NOT NULL,
    details TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS task_events_by_task ON task_events (task_id, is_error, id);
CREATE TABLE IF NOT EXISTS admin_cancels (id TEXT PRIMARY KEY, task_ids TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bookmarks (
    id TEXT PRIMARY KEY,
    owner_id TEXT NOT NULL,
    name TEXT NOT NULL,
    collection_id TEXT NOT NULL,
    path TEXT NOT NULL,
    UNIQUE (owner_id, name)
);
"""
