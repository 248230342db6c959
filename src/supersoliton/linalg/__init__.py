"""Element-condensed symmetric linear algebra."""
