"""Our own small classifiers; each speaks timm's `forward_features` / `forward_head` language."""
