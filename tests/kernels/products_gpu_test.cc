// CUDA products, uploads and decoded rows against the double-precision reference: every format and
// every kernel that a batch size leads to, what is done to outputs, strides, several products.
#include <algorithm>
#include <cmath>

#include "tests/kernels/gpu_testing.h"
#include "tests/kernels/testing.h"

#ifdef FOOTNOTE_HAVE_CUDA
#include "kernels/cuda/dequantize.h"
#include "kernels/cuda/products.h"
#include "kernels/cuda/upload.h"
#include "kernels/cuda/weight_layout.h"
#endif

namespace footnote::kernels {
namespace {

#ifdef FOOTNOTE_HAVE_CUDA
using reference::Values;
using testing::DeviceBuffer;
using testing::kEmulated;
using testing::OwnedWeight;
using testing::RandomFloats;
using testing::Some;

// The calling thread's own stream (cudaStreamPerThread): unlike the default stream, launches on it
// may overlap, and copies of memory.h wait for it.
void* const kStream = reinterpret_cast<void*>(uintptr_t{2});

constexpr int64_t kGap = 8;  // elements between rows
constexpr float kPoison = -12345.0f;

int64_t StrideOf(int64_t columns) { return (columns + 7) / 8 * 8 + kGap; }
bool Quantised(DType dtype) { return BlockElements(dtype) > 1; }

// Those that stay as they are there.
std::vector<DType> FormatsOnGpu() {
  std::vector<DType> formats = testing::AllFormats();
  std::erase_if(formats, [](DType dtype) { return !cuda::HasLayout(dtype); });
  return formats;
}

// Rows on the device in F32, F16 or BF16, poison between and behind them.
struct Rows {
  Rows(DType dtype, int64_t rows, int64_t columns, const std::vector<float>& values)
      : dtype(dtype), rows(rows), columns(columns), stride(StrideOf(columns)) {
    std::vector<float> all(static_cast<size_t>(rows * stride), kPoison);
    for (int64_t r = 0; r < rows && !values.empty(); ++r) {
      std::copy_n(values.begin() + r * columns, columns, all.begin() + r * stride);
    }
    std::vector<std::byte> bytes(all.size() * static_cast<size_t>(BlockBytes(dtype)));
    EXPECT_OK(Quantize(dtype, all, bytes));
    buffer = std::make_unique<DeviceBuffer>(bytes);
    poison.resize(1);
    std::vector<std::byte> one(static_cast<size_t>(BlockBytes(dtype)));
    EXPECT_OK(Quantize(dtype, std::vector<float>{kPoison}, one));
    EXPECT_OK(Dequantize(dtype, one, poison));
  }
  GpuMatrix view() const {
    GpuMatrix matrix = GpuMatrix::Of(buffer->data(), dtype, rows, columns);
    matrix.stride = stride;
    return matrix;
  }
  // What the rows hold now; fails where the gaps changed.
  std::vector<float> Read() const {
    const std::vector<float> raw = buffer->Floats();
    std::vector<float> all(static_cast<size_t>(rows * stride));
    EXPECT_OK(Dequantize(
        dtype,
        std::span(reinterpret_cast<const std::byte*>(raw.data()), raw.size() * sizeof(float)),
        all));
    std::vector<float> values;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < stride; ++c) {
        const float v = all[static_cast<size_t>(r * stride + c)];
        if (c < columns) {
          values.push_back(v);
        } else {
          EXPECT_EQ(v, poison[0]) << "gap behind row " << r;
        }
      }
    }
    return values;
  }

  DType dtype;
  int64_t rows, columns, stride;
  std::unique_ptr<DeviceBuffer> buffer;
  std::vector<float> poison;
};

cuda::Uploader& SmallUploader() {
  static std::unique_ptr<cuda::Uploader> uploader = [] {
    std::unique_ptr<cuda::Uploader> made;
    EXPECT_EQ(cuda::Uploader::Create(kStream, 5000, &made), 0);  // many pieces
    return made;
  }();
  return *uploader;
}

struct Uploaded {
  explicit Uploaded(std::span<const Weight> parts, DType plain) {
    const GpuWeight shape = cuda::UploadedShape(parts, plain);
    memory = std::make_unique<DeviceBuffer>(static_cast<size_t>(cuda::UploadedBytes(shape)));
    EXPECT_EQ(SmallUploader().Upload(parts, plain, true, memory->data(), &weight), 0);
    memory->Floats();  // nothing was written behind the end
  }
  explicit Uploaded(const OwnedWeight& w)
      : Uploaded(std::span(&w.weight, 1),
                 Quantised(w.weight.dtype) ? DType::kF16 : w.weight.dtype) {}
  GpuWeight weight;
  std::unique_ptr<DeviceBuffer> memory;
};

std::unique_ptr<cuda::Products> Make(const cuda::ProductOptions& options) {
  std::unique_ptr<cuda::Products> products;
  EXPECT_EQ(cuda::Products::Create(kStream, options, &products), 0);
  return products;
}

double RelativeError(const std::vector<float>& got, const Values& wanted) {
  double error = 0, size = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const double difference = static_cast<double>(got[i]) - wanted[i];
    error += difference * difference;
    size += wanted[i] * wanted[i];
  }
  return std::sqrt(error / size);  // NaN in, NaN out
}

double Activated(GpuActivation activation, double v) {
  switch (activation) {
    case GpuActivation::kGeluErf:
      return 0.5 * v * (1 + std::erf(v / std::sqrt(2.0)));
    case GpuActivation::kGeluTanh:
      return 0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
    case GpuActivation::kSilu:
      return v / (1 + std::exp(-v));
    default:
      return v;
  }
}

// Relative error that rounding x (and float16 steps) brings; outputs' rounding comes on top. A
// plain product of rounded x: each element within half a unit, so at most 2^-11 or 2^-8 of its
// size, and about half of that in the mean.
double Bound(DType dtype, int64_t tokens, DType out, const cuda::ProductOptions& options) {
  double bound = 1e-5;
  if (Quantised(dtype)) {
    // 8 bits: 0.6e-2 to 1.3e-2, since a few outputs of short rows average little.
    bound = tokens <= options.most_gemv_quantised ? 1.6e-2 : 1e-3;
  } else if (tokens > options.most_gemv_plain && dtype != DType::kF32) {
    bound = dtype == DType::kF16 ? 5e-4 : 4e-3;
  }
  return bound + (out == DType::kF16 ? 5e-4 : out == DType::kBF16 ? 4e-3 : 0);
}

struct Case {
  DType dtype = DType::kF32;
  int64_t tokens = 1, columns = 64, rows = 32;
  DType x = DType::kF32, out = DType::kF32;
  bool bias = false, add = false, gated = false;
  int norm = 0;  // 1: RMS, 2: layer, 3: layer without bias
  GpuActivation activation = GpuActivation::kNone;

  std::string Text() const {
    return std::string(DTypeName(dtype)) + " T " + std::to_string(tokens) + " K " +
           std::to_string(columns) + " N " + std::to_string(rows) + " x " +
           std::string(DTypeName(x)) + " out " + std::string(DTypeName(out)) +
           (bias ? " bias" : "") + (add ? " add" : "") + (gated ? " gated" : "") + " norm " +
           std::to_string(norm) + " activation " + std::to_string(static_cast<int>(activation));
  }
};

// Runs a case twice: right, and the same bits.
void Check(const Case& c, const cuda::ProductOptions& options = {}) {
  SCOPED_TRACE(c.Text() + (options.use_cublas_lt ? "" : " without cuBLASLt"));
  const auto size = [](int64_t n) { return static_cast<size_t>(n); };
  const OwnedWeight w(c.dtype, c.rows, c.columns, 3), up(c.dtype, c.rows, c.columns, 4);
  const Uploaded dw(w), dup(up);
  // What x holds once it is of its type.
  std::vector<float> x = RandomFloats(size(c.tokens * c.columns), 5);
  std::vector<std::byte> rounded(x.size() * size(BlockBytes(c.x)));
  EXPECT_OK(Quantize(c.x, x, rounded));
  EXPECT_OK(Dequantize(c.x, rounded, x));
  const Rows dx(c.x, c.tokens, c.columns, x);

  const std::vector<float> norm_weight = RandomFloats(size(c.columns), 6);
  const std::vector<float> norm_bias = RandomFloats(size(c.columns), 7);
  const std::vector<float> bias = RandomFloats(size(c.rows), 8);
  const std::vector<float> up_bias = RandomFloats(size(c.rows), 9);
  const DeviceBuffer dnorm_weight(norm_weight), dnorm_bias(norm_bias), dbias(bias),
      dup_bias(up_bias);
  GpuNorm norm;
  norm.weight = dnorm_weight.floats();
  norm.eps = 1e-5f;
  std::vector<float> normalised = x;
  if (c.norm != 0) {
    const ConstMatrix view = ConstMatrix::Of(x.data(), c.tokens, c.columns);
    Values values;
    if (c.norm == 1) {
      norm.weight_bias = 0.5f;
      values = reference::RmsNorm(view, norm_weight, 0.5f, 1e-5f);
    } else {
      norm.kind = GpuNorm::Kind::kLayer;
      if (c.norm == 2) norm.bias = dnorm_bias.floats();
      values = reference::LayerNorm(
          view, norm_weight,
          c.norm == 2 ? std::span<const float>(norm_bias) : std::span<const float>(), 1e-5f);
    }
    for (size_t i = 0; i < x.size(); ++i) normalised[i] = static_cast<float>(values[i]);
  }

  const ConstMatrix view = ConstMatrix::Of(normalised.data(), c.tokens, c.columns);
  Values wanted = reference::MatMul(
      view, w.weight, c.bias ? std::span<const float>(bias) : std::span<const float>());
  for (double& v : wanted) v = Activated(c.activation, v);
  if (c.gated) {
    const Values of_up = reference::MatMul(
        view, up.weight, c.bias ? std::span<const float>(up_bias) : std::span<const float>());
    for (size_t i = 0; i < wanted.size(); ++i) wanted[i] *= of_up[i];
  }
  std::vector<float> before;
  if (c.add) {
    before = RandomFloats(wanted.size(), 10);
    for (size_t i = 0; i < wanted.size(); ++i) wanted[i] += static_cast<double>(before[i]);
  }

  const std::unique_ptr<cuda::Products> products = Make(options);
  std::vector<float> first;
  for (int repeat = 0; repeat < (kEmulated ? 1 : 2); ++repeat) {
    const Rows out(c.out, c.tokens, c.rows, before);
    int error = 0;
    if (c.gated) {
      GpuGatedProduct p;
      p.gate = dw.weight;
      p.up = dup.weight;
      if (c.bias) p.gate_bias = dbias.floats();
      if (c.bias) p.up_bias = dup_bias.floats();
      p.activation = c.activation;
      p.out = out.view();
      error = products->RunGated(c.norm == 0 ? nullptr : &norm, dx.view(), p);
    } else {
      GpuProduct p;
      p.w = dw.weight;
      if (c.bias) p.bias = dbias.floats();
      p.out = out.view();
      p.add = c.add;
      p.activation = c.activation;
      error = products->Run(c.norm == 0 ? nullptr : &norm, dx.view(), std::span(&p, 1));
    }
    ASSERT_EQ(error, 0) << cuda::ErrorText(error) << "; " << products->problem();
    const std::vector<float> got = out.Read();
    const double slack = c.gated || c.activation != GpuActivation::kNone ? 2 : 1;
    EXPECT_LE(RelativeError(got, wanted), slack * Bound(c.dtype, c.tokens, c.out, options));
    if (repeat == 0) {
      first = got;
    } else {
      EXPECT_TRUE(testing::SameBits(first, got));
    }
  }
}

#define SKIP_WITHOUT_GPU() \
  if (const std::string why = testing::WhyNoGpu(); !why.empty()) GTEST_SKIP() << why

class ProductsGpu : public ::testing::TestWithParam<DType> {};

TEST_P(ProductsGpu, AgreeWithTheReferenceAtEveryBatchSize) {
  SKIP_WITHOUT_GPU();
  const DType dtype = GetParam();
  const int64_t block = BlockElements(dtype);
  for (const int64_t tokens :
       Some<int64_t>({1, 2, 3, 4, 5, 8, 9, 17, 33, 64, 65, 130}, {1, 2, 4, 9, 33})) {
    for (const int64_t columns : Some<int64_t>({576, 640, 768}, {576, 768})) {
      if (columns % block != 0) continue;
      Check({dtype, tokens, columns, tokens % 2 == 0 ? 70 : 41});
    }
  }
}

TEST_P(ProductsGpu, AgreeWithoutCublasLt) {
  SKIP_WITHOUT_GPU();
  const DType dtype = GetParam();
  cuda::ProductOptions options;
  options.use_cublas_lt = false;
  for (const int64_t tokens : Some<int64_t>({9, 30, 65, 130}, {30, 130})) {
    Check({dtype, tokens, BlockElements(dtype) == 256 ? 768 : 608, 67}, options);
  }
}

TEST_P(ProductsGpu, AgreeByEachKernelAtTheSameBatchSize) {
  SKIP_WITHOUT_GPU();
  const DType dtype = GetParam();
  cuda::ProductOptions tensor_cores;
  tensor_cores.most_gemv_quantised = tensor_cores.most_gemv_plain = 0;
  tensor_cores.use_cublas_lt = false;
  cuda::ProductOptions library = tensor_cores;
  library.use_cublas_lt = true;
  library.most_mma = 0;
  for (const int64_t tokens : Some<int64_t>({1, 3, 20}, {1, 20})) {
    Check({dtype, tokens, 512, 200}, tensor_cores);
    Check({dtype, tokens, 512, 200}, library);
  }
}

TEST_P(ProductsGpu, TakeShortAndLongRows) {
  SKIP_WITHOUT_GPU();
  const DType dtype = GetParam();
  const int64_t block = BlockElements(dtype);
  for (const int64_t tokens : Some<int64_t>({1, 2, 4, 7, 12}, {1, 2, 4})) {
    Check({dtype, tokens, block == 1 ? 8 : block, 1});
    Check({dtype, tokens, block == 1 ? 24 : block, 5});
    Check({dtype, tokens, 14336, 9});  // warps share rows; x prepared beforehand
    if (kEmulated && tokens > 1) continue;
    Check({dtype, tokens, 256, 3001});  // rows in rounds, and a last one of few
  }
}

TEST_P(ProductsGpu, DoWhatIsAskedToTheirOutputs) {
  SKIP_WITHOUT_GPU();
  const DType dtype = GetParam();
  for (const int64_t tokens : Some<int64_t>({1, 2, 3, 6, 9, 40, 130}, {1, 2, 40})) {
    Case c{dtype, tokens, 512, 45};
    c.bias = true;
    Check(c);
    c.norm = 1;
    Check(c);
    c.add = true;
    Check(c);
    c.add = false;
    c.norm = 2;
    c.activation = GpuActivation::kGeluErf;
    c.out = DType::kF16;
    Check(c);
    c.norm = 3;
    c.activation = GpuActivation::kGeluTanh;
    c.out = DType::kBF16;
    Check(c);
    c.activation = GpuActivation::kNone;
    Check(c);
    c.bias = false;
    c.out = dtype == DType::kBF16 ? DType::kBF16 : DType::kF16;
    c.x = c.out;
    c.norm = 0;
    Check(c);
  }
}

TEST_P(ProductsGpu, Gate) {
  SKIP_WITHOUT_GPU();
  const DType dtype = GetParam();
  for (const int64_t tokens : Some<int64_t>({1, 2, 4, 7, 9, 70, 130}, {1, 4, 9})) {
    Case c{dtype, tokens, 512, 37};
    c.gated = true;
    c.activation = GpuActivation::kSilu;
    c.norm = 1;
    c.out = DType::kF16;
    Check(c);
    c.bias = true;
    c.norm = 0;
    c.activation = GpuActivation::kGeluTanh;
    c.out = DType::kF32;
    Check(c);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Of, ProductsGpu,
    ::testing::ValuesIn(kEmulated ? std::vector{DType::kBF16, DType::kQ8_0, DType::kQ4_0,
                                                DType::kQ5_1, DType::kQ4_K, DType::kQ6_K}
                                  : FormatsOnGpu()),
    [](const ::testing::TestParamInfo<DType>& info) { return std::string(DTypeName(info.param)); });

TEST(ProductsGpuAlone, TakePlainRowsOfAnyLength) {
  SKIP_WITHOUT_GPU();
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const int64_t columns : Some<int64_t>({1, 3, 30, 100, 101, 516, 1001}, {1, 30, 101})) {
      for (const int64_t tokens : Some<int64_t>({1, 2, 3, 8, 9, 70}, {1, 3, 70})) {
        Check({dtype, tokens, columns, 19});
        cuda::ProductOptions options;
        options.use_cublas_lt = false;
        if (tokens > 8) Check({dtype, tokens, columns, 19}, options);
      }
    }
  }
}

TEST(ProductsGpuAlone, AgreeInEveryVariant) {
  SKIP_WITHOUT_GPU();
  for (const DType dtype :
       Some({DType::kBF16, DType::kQ4_K, DType::kQ8_0}, {DType::kBF16, DType::kQ4_K})) {
    for (const int rows : {1, 2}) {
      for (const int split : Some({1, 2, 4, 16}, {1, 4})) {
        for (const bool overlap : Some({false, true}, {true})) {
          SCOPED_TRACE("variant " + std::to_string(rows) + " " + std::to_string(split));
          cuda::ProductOptions options;
          options.gemv_rows = rows;
          options.gemv_split = split;
          options.overlap = overlap;
          Check({dtype, 1, 2048, 300}, options);
        }
      }
    }
  }
}

TEST(ProductsGpuAlone, AgreeHoweverFarAheadTheyPrefetch) {
  SKIP_WITHOUT_GPU();
  for (const DType dtype :
       Some({DType::kBF16, DType::kQ4_K, DType::kQ6_K, DType::kQ8_0}, {DType::kQ6_K})) {
    for (const int kib : Some({-1, 1, 8, 4096}, {8})) {
      for (const int blocks : {1, 2}) {
        SCOPED_TRACE("prefetch " + std::to_string(kib) + " blocks " + std::to_string(blocks));
        cuda::ProductOptions options;
        options.gemv_prefetch_kib = kib;
        options.gemv_blocks = blocks;
        Case c{dtype, 1, 512, kEmulated ? 2101 : 9001};  // more than two rounds of all warps
        c.norm = 1;
        Check(c, options);
        c.rows = kEmulated ? 1100 : 4400;
        c.gated = true;
        Check(c, options);
        c = {dtype, 1, 4096, 70};
        c.norm = 1;
        c.bias = c.add = true;
        Check(c, options);
      }
    }
  }
}

TEST(ProductsGpuAlone, RunSeveralOfTheSameX) {
  SKIP_WITHOUT_GPU();
  const int64_t columns = 768;
  const DType formats[][5] = {
      {DType::kQ4_K, DType::kQ4_K, DType::kQ6_K, DType::kQ6_K, DType::kQ4_K},
      {DType::kQ6_K, DType::kQ5_K, DType::kQ5_K, DType::kQ4_K, DType::kQ8_0},
      {DType::kQ5_K, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K, DType::kQ4_K},
      {DType::kBF16, DType::kBF16, DType::kBF16, DType::kBF16, DType::kBF16},
      {DType::kF16, DType::kQ5_0, DType::kF32, DType::kBF16, DType::kQ4_1}};
  const int64_t rows[5] = {66, 7, 130, 1, 32};
  for (const auto& dtypes : formats) {
    for (const int64_t tokens : Some<int64_t>({1, 2, 4, 8, 20, 131}, {1, 4, 20})) {
      SCOPED_TRACE(std::string(DTypeName(dtypes[0])) + " T " + std::to_string(tokens));
      const std::vector<float> x = RandomFloats(static_cast<size_t>(tokens * columns), 1);
      const std::vector<float> weight = RandomFloats(static_cast<size_t>(columns), 2);
      const Rows dx(DType::kF32, tokens, columns, x);
      const DeviceBuffer dweight(weight);
      GpuNorm norm;
      norm.weight = dweight.floats();
      norm.eps = 1e-6f;
      const Values normalised =
          reference::RmsNorm(ConstMatrix::Of(x.data(), tokens, columns), weight, 0, 1e-6f);
      const std::vector<float> as_floats(normalised.begin(), normalised.end());
      std::vector<OwnedWeight> weights;
      std::vector<Uploaded> uploaded;
      std::vector<Rows> outs;
      std::vector<GpuProduct> products;
      for (size_t i = 0; i < 5; ++i) {
        weights.emplace_back(dtypes[i], rows[i], columns, static_cast<uint32_t>(10 + i));
        uploaded.emplace_back(weights.back());
        outs.emplace_back(DType::kF32, tokens, rows[i], std::vector<float>());
        GpuProduct p;
        p.w = uploaded.back().weight;
        p.out = outs.back().view();
        products.push_back(p);
      }
      const cuda::ProductOptions options;
      const std::unique_ptr<cuda::Products> runner = Make(options);
      ASSERT_EQ(runner->Run(&norm, dx.view(), products), 0);
      for (size_t i = 0; i < 5; ++i) {
        SCOPED_TRACE(i);
        const Values wanted = reference::MatMul(ConstMatrix::Of(as_floats.data(), tokens, columns),
                                                weights[i].weight, {});
        EXPECT_LE(RelativeError(outs[i].Read(), wanted),
                  Bound(dtypes[i], tokens, DType::kF32, options));
      }
    }
  }
}

TEST(ProductsGpuAlone, RefuseWhatDoesNotFit) {
  SKIP_WITHOUT_GPU();
  const OwnedWeight w(DType::kQ8_0, 16, 64, 1);
  const Uploaded dw(w);
  const Rows x(DType::kF32, 2, 64, {}), narrow(DType::kF32, 2, 32, {});
  const Rows out(DType::kF32, 2, 16, {}), wide(DType::kF32, 2, 17, {}),
      half(DType::kF16, 2, 16, {});
  const auto run = [&](const GpuMatrix& from, const GpuMatrix& to, bool add) {
    GpuProduct p;
    p.w = dw.weight;
    p.out = to;
    p.add = add;
    return Make({})->Run(nullptr, from, std::span(&p, 1));
  };
  EXPECT_EQ(run(x.view(), out.view(), false), 0);
  EXPECT_EQ(run(x.view().First(0), out.view(), false), 0);
  EXPECT_NE(run(narrow.view(), out.view(), false), 0);
  EXPECT_NE(run(x.view(), wide.view(), false), 0);
  EXPECT_NE(run(x.view(), out.view().First(1), false), 0);
  EXPECT_NE(run(x.view(), half.view(), true), 0);
  EXPECT_EQ(Make({})->problem(), "") << "cuBLASLt was not found";
}

TEST(UploadGpu, KeepsOrConvertsNumbers) {
  SKIP_WITHOUT_GPU();
  const int64_t columns = 512;
  for (const DType first : testing::AllFormats()) {
    for (const DType second : {first, DType::kQ8_0, DType::kF32}) {
      for (const DType plain : Some({DType::kF32, DType::kF16, DType::kBF16}, {DType::kF16})) {
        SCOPED_TRACE(std::string(DTypeName(first)) + " and " + std::string(DTypeName(second)) +
                     " to " + std::string(DTypeName(plain)));
        const OwnedWeight a(first, 13, columns, 1), b(second, 6, columns, 2);
        const Weight parts[2] = {a.weight, b.weight};
        const Uploaded both(parts, plain);
        ASSERT_EQ(both.weight.rows, 19);
        ASSERT_EQ(both.weight.dtype,
                  first == second && Quantised(first) && cuda::HasLayout(first) ? first : plain);
        Values wanted = reference::Dequantized(a.weight);
        const Values rest = reference::Dequantized(b.weight);
        wanted.insert(wanted.end(), rest.begin(), rest.end());

        // Rows by number, some twice, scaled and added.
        const std::vector<int32_t> ids = {18, 0, 7, 13, 7, 12};
        const DeviceBuffer dids(ids);
        for (const DType to : {DType::kF32, DType::kF16, DType::kBF16}) {
          for (const bool add : {false, true}) {
            if (add && to != DType::kF32) continue;
            SCOPED_TRACE(std::string("rows as ") + std::string(DTypeName(to)));
            const auto count = static_cast<int64_t>(ids.size());
            const std::vector<float> before =
                RandomFloats(ids.size() * static_cast<size_t>(columns), 3);
            const Rows out(to, count, columns, before);
            ASSERT_EQ(
                cuda::LaunchDequantizeRows(both.weight, static_cast<const int32_t*>(dids.data()),
                                           count, 1.5f, add, out.view(), kStream),
                0);
            const std::vector<float> got = out.Read();
            // Rounded when uploaded, and when decoded.
            const auto unit = [](DType dtype) {
              return dtype == DType::kF32 ? 1e-6 : dtype == DType::kF16 ? 1e-3 : 8e-3;
            };
            const double bound =
                unit(to) + (Quantised(both.weight.dtype) ? 1e-6 : unit(both.weight.dtype));
            for (size_t i = 0; i < got.size(); ++i) {
              const size_t row = static_cast<size_t>(ids[i / columns]);
              const double value = 1.5 * wanted[row * columns + i % columns];
              const double with = add ? value + static_cast<double>(before[i]) : value;
              ASSERT_NEAR(got[i], with, bound * (std::fabs(value) + std::fabs(with) + 1e-2))
                  << "element " << i;
            }
          }
        }
      }
    }
  }
}
#else
TEST(ProductsGpu, NeedABuildWithCuda) { GTEST_SKIP() << testing::WhyNoGpu(); }
#endif

}  // namespace
}  // namespace footnote::kernels
