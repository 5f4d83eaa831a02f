"""What would only distract in a lesson: set-up, local cloud, rendering, deploying, measuring."""
