"""One file, one runtime: ``on_torch.py`` sees what PyTorch executes. A new runtime adds a file and edits no other."""
