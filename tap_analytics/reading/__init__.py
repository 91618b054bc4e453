"""What is fetched ahead, and in which order it comes out."""
