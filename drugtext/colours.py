"""Colours that colour-blind people tell apart, too."""

from __future__ import annotations

COLOURS = (
    *("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#666666"),
    *("#882255", "#332288", "#999933", "#44AA99"),
)
"""Okabe and Ito 2008, then Tol 2021."""
