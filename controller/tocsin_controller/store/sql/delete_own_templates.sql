-- Removes the templates that people made; those that came with the product stay.
DELETE FROM templates WHERE created_by <> 'system'
