"""A student before its training."""

from . import folder


def run(options, say):
    """The command: OUT gets the model of a folder with a head, cut to some of its layers where they are named."""
    model = folder.read(options.model)
    if options.layers:
        model = folder.cut(model, [int(n) for n in options.layers.split(",")])
    folder.write(options.out, model, options.model)
    count = sum(p.numel() for p in model.parameters())
    say(f"{options.out}: {model.shape.layers} layers of width {model.shape.width}, {count / 1e6:.1f} million parameters")
