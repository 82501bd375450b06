"""What a representation is worth: classes, angular size and neighbourhoods from frozen codes.

Everything here starts from the latent vectors of the Atlases and needs no torch.
"""
