"""How far a classifier can be trusted: calibration, scope, sets, reasons, noise, privacy."""
