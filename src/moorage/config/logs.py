"""How logs are written: JSON lines in production, readable lines on a laptop. Never contents, never tokens."""

from typing import Any, Literal

import structlog


def logging_settings(log_format: Literal["console", "json"]) -> dict[str, Any]:
    """Django's LOGGING: the standard library's loggers, with their `extra`, through structlog's renderers."""
    shared = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer() if log_format == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
                "foreign_pre_chain": shared,
            }
        },
        "filters": {"quiet_requests": {"()": "moorage.config.logs.NoRequest"}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "structured", "filters": ["quiet_requests"]}
        },
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            # Refused and missing pages are people's business, not the operator's.
            "django.request": {"level": "ERROR"},
            "globus_sdk": {"level": "WARNING"},
            "urllib3": {"level": "ERROR"},
        },
    }


class NoRequest:
    """Takes the request object out of a record: it cannot be written, and holds cookies."""

    def filter(self, record: Any) -> bool:
        for name in ("request", "server_time"):
            record.__dict__.pop(name, None)
        return True
