def _uses(variable):
    uses, seen, left = {}, {variable.unique_id}, [variable]
    while left:
        for parent in _inputs(left.pop()):
            uses[parent.unique_id] = uses.get(parent.unique_id, 0) + 1
            if parent.unique_id not in seen:
                seen.add(parent.unique_id)
                left.append(parent)
    return uses


def _inputs(variable):
    if variable.is_leaf():
        return []
    return [parent for parent in variable.parents if not parent.is_constant()]


def topological_sort(variable):
    uses, ready = _uses(variable), [variable]
    while ready:
        v = ready.pop(0)
        if v.is_constant():
            continue
        yield v
        for parent in _inputs(v):
            uses[parent.unique_id] -= 1
            if uses[parent.unique_id] == 0:
                ready.append(parent)


def backpropagate(variable, deriv):
    table = {variable.unique_id: [deriv]}
    for node in topological_sort(variable):
        first, *others = table.pop(node.unique_id)
        total = first
        for other in others:
            total = total + other
        if node.is_leaf():
            node.accumulate_derivative(total)
            continue
        for parent, part in node.chain_rule(total):
            table.setdefault(parent.unique_id, []).append(part)
