"""What makes LocalStack whole without Docker and downloads; imported by launcher.py, never by the harness."""
