"""IIS SMTP: the virtual servers of a MetaBase.xml. (Microsoft: "Metabase Property Reference (IIS 6.0)")"""
