"""Taking in what another installation exported."""
