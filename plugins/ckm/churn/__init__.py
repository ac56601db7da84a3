"""Who is about to stay away, how sure that is, and why.

`population` reads customers, labels and features as of a date out of the star; `frame` is what models see of them;
`linear`, `trees` and `blend` are the models, `backtest` chooses among them by cuts in time, `measures` says how good
they are. `learning` makes and keeps the model of a month, `scoring` scores a night with it, `gate` and `drift` watch.
"""
