"""Postfix: main.cf, master.cf and the tables that they name. (postconf(5), master(5), postfix-table documents)"""
