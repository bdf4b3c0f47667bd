"""The rules of outside services that this product stands in for: pure, so that servers, functions and the
twin all go by the same ones. The servers are in `standins/`."""
