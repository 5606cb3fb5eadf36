/* A direct convolution, fp32, one image: what benchmarks/synergy_counts.py runs under valgrind.
   Arguments: output channels, input channels, output side, kernel side, stride. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

typedef float vector __attribute__((vector_size(16), aligned(4)));

__attribute__((noinline)) void convolve(const float *x, const float *w, float *y, int m, int c, int side, int k, int stride)
{
    int width = (side - 1) * stride + k;
    for (int o = 0; o < m; ++o)
        for (int i = 0; i < c; ++i)
            for (int tap = 0; tap < k * k; ++tap) {
                float weight = w[(o * c + i) * k * k + tap];
                vector weights = {weight, weight, weight, weight};
                for (int row = 0; row < side; ++row) {
                    const float *in = x + ((long)i * width + row * stride + tap / k) * width + tap % k;
                    float *out = y + ((long)o * side + row) * side;
                    int column = 0;
                    if (stride == 1)
                        for (; column + 4 <= side; column += 4)
                            *(vector *)(out + column) += weights * *(const vector *)(in + column);
                    for (; column < side; ++column)
                        out[column] += weight * in[column * stride];
                }
            }
}

/* Zeros that nothing has touched yet, so that every miss belongs to the convolution. */
static float *fresh(long count)
{
    void *memory = mmap(NULL, count * sizeof(float), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    int m = atoi(argv[1]), c = atoi(argv[2]), side = atoi(argv[3]), k = atoi(argv[4]), stride = atoi(argv[5]);
    long width = (side - 1) * stride + k;
    float *x = fresh(c * width * width), *w = fresh((long)m * c * k * k), *y = fresh((long)m * side * side);
    if (!x || !w || !y)
        return 1;
    convolve(x, w, y, m, c, side, k, stride);
    printf("%g\n", y[0]);
    return 0;
}
