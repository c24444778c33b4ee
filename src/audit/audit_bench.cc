// What a check costs on one core: rows of one product by a key, and a token of all 211 products of a model in
// the sizes of SmolLM2-135M by a key of 8 vectors and by the weights. From rows as they were opened to what
// is found.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "audit/check_parts.h"
#include "audit/key_contents.h"
#include "audit/layer_values.h"
#include "base/check.h"
#include "base/file.h"
#include "base/random.h"
#include "base/threads.h"

namespace {

namespace audit = assay::audit;
namespace tensor = assay::tensor;
namespace weights = assay::weights;
using audit::Op;
using audit::Role;
using audit::RowDtype;
using audit::Wire;

constexpr std::uint64_t kHidden = 576;
constexpr std::uint64_t kInner = 1536;

/// Numbers of about one size, which is what rounding is measured by.
assay::Bytes random_bf16(assay::ChaCha20Stream& random, std::size_t count, std::uint16_t exponent) {
  assay::Bytes bytes;
  bytes.reserve(2 * count + 8);
  while (bytes.size() < 2 * count) {
    std::uint64_t four = random.next_u64();
    for (int i = 0; i < 4; ++i, four >>= 16) {
      const auto bits = static_cast<std::uint16_t>((four & 0x80ff) | exponent);
      bytes.push_back(static_cast<std::uint8_t>(bits));
      bytes.push_back(static_cast<std::uint8_t>(bits >> 8));
    }
  }
  bytes.resize(2 * count);
  return bytes;
}

/// A model, its key, and the rows of one token, honest but for what a sum in double has less of an error.
class Workload {
 public:
  static const Workload& get() {
    static const Workload workload;
    return workload;
  }
  ~Workload() { std::filesystem::remove_all(directory_); }

  std::unique_ptr<weights::Folder> folder;
  std::unique_ptr<audit::Key> key;
  audit::Head head;
  audit::Expectation expected;
  audit::Openings openings;

  [[nodiscard]] const audit::internal::KeyContents& secret() const { return *key->shared_contents(); }
  [[nodiscard]] const audit::internal::Facts& facts() const { return secret().facts; }
  [[nodiscard]] std::vector<audit::internal::Product> products() const {
    const audit::internal::OpenedRows rows(openings);
    return audit::internal::opened_products({head, openings, expected, audit::Reference::of(*key)}, rows)
        .value();
  }

 private:
  Workload() : random_({7}) {
    std::string pattern = (std::filesystem::temp_directory_path() / "assay_audit_bench_XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    write_model();
    folder = std::make_unique<weights::Folder>(weights::Folder::open(directory_).value());
    key =
        std::make_unique<audit::Key>(audit::Key::enroll(*folder, {}, assay::World::system()).value().front());
    open_token();
  }

  void write_model() {
    std::vector<assay::Bytes> values;
    std::vector<tensor::TensorView> tensors;
    values.reserve(300);
    const auto add = [&](const std::string& name, const tensor::Shape& shape) {
      tensor::TensorView view;
      view.name = name + ".weight";
      view.dtype = tensor::Dtype::kBF16;
      view.shape = shape;
      values.push_back(random_bf16(random_, tensor::element_count(shape, name).value(), 0x3c00));
      view.bytes = values.back();
      tensors.push_back(view);
    };
    add("model.embed_tokens", {49152, kHidden});
    add("model.norm", {kHidden});
    for (int block = 0; block < 30; ++block) {
      const std::string name = "model.layers." + std::to_string(block) + ".";
      for (const char* layer : {"self_attn.q_proj", "self_attn.o_proj"})
        add(name + layer, {kHidden, kHidden});
      for (const char* layer : {"self_attn.k_proj", "self_attn.v_proj"}) add(name + layer, {192, kHidden});
      for (const char* layer : {"mlp.gate_proj", "mlp.up_proj"}) add(name + layer, {kInner, kHidden});
      add(name + "mlp.down_proj", {kHidden, kInner});
      for (const char* norm : {"input_layernorm", "post_attention_layernorm"}) add(name + norm, {kHidden});
    }
    ASSAY_CHECK(tensor::write_safetensors(directory_ / "model.safetensors", tensors, {}).ok(),
                directory_.string());
    constexpr std::string_view kConfig =
        R"({"model_type":"llama","hidden_size":576,"num_attention_heads":9,"num_key_value_heads":3,)"
        R"("num_hidden_layers":30,"rms_norm_eps":1e-05,"rope_theta":100000,"hidden_act":"silu"})";
    ASSAY_CHECK(assay::write_file(directory_ / "config.json", kConfig).ok(), directory_.string());
  }

  /// The rows of all products of one token.
  void open_token() {
    std::map<Wire, assay::Bytes> rows;
    for (const Op& op : facts().table.ops) {
      assay::Bytes& input = rows[op.input];
      if (input.empty()) input = random_bf16(random_, op.in, 0x3f00);
      const std::vector<double> a = audit::internal::values_of(input, RowDtype::kBF16, "row").value();
      const auto layer = audit::internal::LayerValues::of(*folder, op, RowDtype::kBF16).value();
      std::vector<double> w(op.in);
      std::vector<double> c(op.out);
      for (std::uint64_t j = 0; j < op.out; ++j) {
        ASSAY_CHECK(layer.row(j, w).ok(), op.weight);
        for (std::size_t i = 0; i < w.size(); ++i) c[j] += w[i] * a[i];
      }
      rows[op.output] = audit::internal::to_row(c, RowDtype::kBF16);
    }
    const auto owner = std::make_shared<const std::map<Wire, assay::Bytes>>(std::move(rows));
    openings.owner = owner;
    openings.steps.resize(1);
    for (const auto& [wire, bytes] : *owner)
      openings.steps[0].rows.push_back(
          {{wire, RowDtype::kBF16, 0, static_cast<std::uint32_t>(bytes.size())}, bytes});
    head.steps = 1;
    expected.request.prompt_token_ids = {0};
    expected.request.output_token_ids = {0};
    expected.challenge.steps = {0};
    expected.tolerance = audit::Tolerance::of(RowDtype::kBF16);
  }

  std::filesystem::path directory_;
  assay::ChaCha20Stream random_;
};

/// Argument: rows of one layer from 576 to 1536 values that are checked together.
void rows_by_key(benchmark::State& state) {
  const Workload& workload = Workload::get();
  const auto& ops = workload.facts().table.ops;
  const auto op = static_cast<std::uint32_t>(workload.facts().table.find({0, Role::kUp}) - ops.data());
  assay::ChaCha20Stream random({9});
  const auto layer = audit::internal::LayerValues::of(*workload.folder, ops[op], RowDtype::kBF16).value();
  std::vector<std::pair<assay::Bytes, assay::Bytes>> rows;
  for (std::int64_t row = 0; row < state.range(0); ++row) {
    assay::Bytes input = random_bf16(random, kHidden, 0x3f00);
    const std::vector<double> a = audit::internal::values_of(input, RowDtype::kBF16, "row").value();
    std::vector<double> w(kHidden);
    std::vector<double> c(kInner);
    for (std::uint64_t j = 0; j < kInner; ++j) {
      ASSAY_CHECK(layer.row(j, w).ok(), op);
      for (std::size_t i = 0; i < w.size(); ++i) c[j] += w[i] * a[i];
    }
    rows.emplace_back(std::move(input), audit::internal::to_row(c, RowDtype::kBF16));
  }
  assay::set_thread_limit(1);
  for (auto _ : state) {
    std::vector<audit::internal::Product> products;
    products.reserve(rows.size());
    for (const auto& [input, output] : rows)
      products.push_back({op,
                          0,
                          products.size(),
                          {audit::internal::values_of(input, RowDtype::kBF16, "input").value()},
                          audit::internal::values_of(output, RowDtype::kBF16, "output").value(),
                          false});
    const auto found =
        audit::internal::check_by_key(workload.secret(), products, workload.expected.tolerance);
    ASSAY_CHECK(!found.failure, products.size());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  assay::set_thread_limit(0);
}

void token_by_key(benchmark::State& state) {
  const Workload& workload = Workload::get();
  assay::set_thread_limit(1);
  for (auto _ : state) {
    const auto found =
        audit::internal::check_by_key(workload.secret(), workload.products(), workload.expected.tolerance);
    ASSAY_CHECK(!found.failure, workload.facts().table.ops.size());
  }
  assay::set_thread_limit(0);
}

void token_by_weights(benchmark::State& state) {
  const Workload& workload = Workload::get();
  assay::set_thread_limit(1);
  for (auto _ : state) {
    const auto found = audit::internal::check_by_weights(*workload.folder, workload.facts(),
                                                         workload.products(), workload.expected.tolerance)
                           .value();
    ASSAY_CHECK(!found.failure, workload.facts().table.ops.size());
  }
  assay::set_thread_limit(0);
}

/// What a process pays once for a key: reading it, and drawing its vectors.
void open_key(benchmark::State& state) {
  const assay::Bytes bytes = Workload::get().key->encode();
  for (auto _ : state) {
    const audit::Key key = audit::Key::decode(bytes, "key").value();
    for (std::uint32_t layer = 0; layer < key.layers(); ++layer)
      benchmark::DoNotOptimize(key.shared_contents()->vectors_of(layer).data());
  }
  state.counters["key_bytes"] = static_cast<double>(bytes.size());
}

void enroll_epoch(benchmark::State& state) {
  const Workload& workload = Workload::get();
  assay::set_thread_limit(1);
  for (auto _ : state)
    benchmark::DoNotOptimize(audit::Key::enroll(*workload.folder, {}, assay::World::system()).value().data());
  assay::set_thread_limit(0);
}

BENCHMARK(rows_by_key)->Arg(1)->Arg(64)->Arg(1024)->Unit(benchmark::kMicrosecond);
BENCHMARK(token_by_key)->Unit(benchmark::kMillisecond);
BENCHMARK(token_by_weights)->Unit(benchmark::kMillisecond);
BENCHMARK(open_key)->Unit(benchmark::kMillisecond);
BENCHMARK(enroll_epoch)->Unit(benchmark::kMillisecond);

}  // namespace
