"""Where keys come from: arguments, environment, profiles, roles, containers."""
