// Launchers of this folder, what holds for all: raw device pointers, a stream, a cudaError_t. Their
// headers include no CUDA header, so that host code may include them.
//
// A launcher only enqueues; `stream` is a cudaStream_t. Returned ints are cudaError_t values, 0 for
// success; cudaErrorInvalidValue for shapes that the kernel does not take. Every kernel is tested
// against kernels/reference.
#pragma once
