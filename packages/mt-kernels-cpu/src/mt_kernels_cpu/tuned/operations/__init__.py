"""Operations of every backend: map, zip, reduce and matrix products."""
