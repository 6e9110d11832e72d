"""Which request comes next: plans whose whole state is a cursor of JSON."""
