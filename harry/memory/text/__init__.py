"""How text becomes index terms: analysis and irregular verbs."""
