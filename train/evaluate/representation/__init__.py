"""Quality of representations: classes, angular sizes and neighbourhoods from frozen codes.

Everything here starts from the latent vectors of the Atlases and does not need torch.
"""
