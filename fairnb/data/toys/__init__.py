"""Toy data that fairnb draws itself: faces, tables and shapes, no download and no people."""
