"""The tests. They mirror src/voltkeep; what several need is a module beside this one."""
