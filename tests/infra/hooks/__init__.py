"""The hooks that azd runs before and after it deploys."""
