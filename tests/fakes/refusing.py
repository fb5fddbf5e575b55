"""A variant that cannot be loaded."""

from deploybench.exporters.variant import Variant


def load(artifact, threads):
    raise RuntimeError("this file is from another version\nand more lines")


VARIANT = Variant(runtime="fake", precision="fp32", packages=(), imports=(), export=lambda job: None, load=load)
