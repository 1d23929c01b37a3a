"""What moves in a scene: one module for each action, plus bystanders that touch nothing."""
