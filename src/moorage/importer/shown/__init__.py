"""What pages and scripts are shown of imports. Reads only."""
