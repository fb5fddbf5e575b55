"""A server under load: requests at intended times, and the highest rate that it answers fast enough."""
