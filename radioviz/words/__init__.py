"""Tags in plain English: what they mean, how sure they are, and sentences made of them."""
