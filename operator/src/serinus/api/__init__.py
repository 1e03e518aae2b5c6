"""What users type: the resource as pydantic models, its CustomResourceDefinition, and its way into the core."""
