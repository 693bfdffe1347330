from collections import deque


def topological_sort(variable):
    order, known = deque(), set()

    def search(v):
        known.add(v.unique_id)
        for parent in [] if v.is_leaf() else v.parents:
            if parent.unique_id not in known and not parent.is_constant():
                search(parent)
        order.appendleft(v)

    if not variable.is_constant():
        search(variable)
    return order


def backpropagate(variable, deriv):
    received = dict.fromkeys([v.unique_id for v in topological_sort(variable)], 0)
    received[variable.unique_id] += deriv
    for v in topological_sort(variable):
        if v.is_leaf():
            v.accumulate_derivative(received[v.unique_id])
        else:
            for parent, d in v.chain_rule(received[v.unique_id]):
                if parent.unique_id in received:
                    received[parent.unique_id] = received[parent.unique_id] + d
    return received
