"""What lasts: jobs and takes, features and uploads, in one folder of the server's machine."""
