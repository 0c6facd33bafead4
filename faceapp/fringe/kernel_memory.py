"""What compiled passes ask of memory: small arrays on the stack, and cache lines before they are needed."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

_CACHE_LINE = 64


@intrinsic(prefer_literal=True)
def stack_array(typing_context: Any, rows: Any, columns: Any, dtype: Any) -> Any:
    """Return an uninitialised (rows, columns) array that lives as long as the compiled function that asks for it.

    Parameters
    ----------
    rows, columns : int
        Constants of the module; 64 KiB in all at most, for a thread's stack is small.
    dtype : dtype
        Of the elements.

    Notes
    -----
    A compiled pass without counted references can make no other array, and this one overlaps no other, which the
    compiler knows. It may neither be returned nor kept.
    """
    if not (isinstance(rows, types.IntegerLiteral) and isinstance(columns, types.IntegerLiteral)):
        raise TypingError("the size of an array on the stack is a constant")
    shape = rows.literal_value, columns.literal_value
    made = types.Array(dtype.dtype, 2, "C")

    def generate(context: Any, builder: Any, _signature: Any, _args: Any) -> Any:
        element = context.get_data_type(made.dtype)
        size = context.get_abi_sizeof(element)
        with builder.goto_entry_block():
            memory = builder.alloca(ir.ArrayType(element, shape[0] * shape[1]))
            memory.align = _CACHE_LINE
        array = make_array(made)(context, builder)

        def number(value: int) -> Any:
            return context.get_constant(types.intp, value)

        populate_array(
            array,
            data=builder.bitcast(memory, element.as_pointer()),
            shape=tuple(map(number, shape)),
            strides=(number(shape[1] * size), number(size)),
            itemsize=number(size),
            meminfo=None,
        )
        return array._getvalue()

    return made(rows, columns, dtype), generate


@intrinsic
def prefetch(typing_context: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line of an element of a one-dimensional array; one that is not there does no harm.

    Parameters
    ----------
    array : (N,) array
        Of any type, contiguous.
    index : int
        Of the element.

    Notes
    -----
    For a walk along a slanted line of a picture, which the processor does not foresee.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = make_array(signature.args[0])(context, builder, args[0]).data
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        read, keep_near, of_data = 0, 2, 1
        address = builder.bitcast(builder.gep(data, [args[1]]), byte)
        builder.call(function, [address, *(ir.Constant(word, v) for v in (read, keep_near, of_data))])
        return context.get_dummy_value()

    return types.none(array, types.intp), generate
