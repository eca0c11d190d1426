"""What the operator needs: logs, health, the HTTP port, checks and the first setting up."""
