"""What predicts a property: gradient boosting with honest folds, intervals and importances."""
