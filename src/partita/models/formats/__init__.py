"""How models of each library become files and back."""
