"""Other people's environments as ``Game``s. What an adapter needs is imported when it is used."""
