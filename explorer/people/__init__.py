"""Who uses the app, and what each may do, on a server that other machines reach."""
