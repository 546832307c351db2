from partita import flow, task


@task(cache=True)
def kept(n: int) -> int:
    return n + 1


@task(environment=["iniconfig==2.0.0"])
def apart(n: int) -> str:
    import iniconfig

    return f"{iniconfig.__name__} {n}"


@flow
def caches(n: int = 1) -> int:
    return kept(n)


@flow
def isolates(n: int = 1) -> str:
    return apart(n)
