"""A file becomes a `DrugInsert`.

The way of the data; a module imports only modules that stand below it:

    read                               finds the format of a file by its content
    archive                            bytes out of zip and gzip
    openfda, table                     JSON and CSV: one record an insert
      record, sections                 the fields of a record -> sections
    spl                                Structured Product Labels
      spl_document                     XML -> its tree
    leaflet                            headed text and HTML; also a record that is one text
      page                             HTML -> text that shows its headings
      leaflet_chinese                  headings in 【…】 and without
      leaflet_english                  headings in the style of the text
        leaflet_lines                  lines that may be headings
      leaflet_names                    the names of the product
        leaflet_parts                  what a heading is, and the part below it
    markup                             a tree of XML or HTML -> lines of text
    headings, heading_tables           a printed heading -> the name of its section
    language                           text -> its language
    text                               bytes -> text, within bounds
    insert                             DrugInsert and Section, what every reader yields
"""
