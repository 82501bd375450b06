"""What a survey looks like: catalogues, images, preprocessing."""
