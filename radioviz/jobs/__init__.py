"""Long runs that can be watched, cancelled, killed and resumed, whatever they compute."""
