"""What a project holds, and when: directories, file versions, revisions, stored objects."""
