"""One file per difference between the emulator and AWS that this project cannot live with."""
