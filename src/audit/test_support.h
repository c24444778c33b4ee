// For the tests of this room: a small llama that runs, one operation after the other in fp32 and rounded to
// bf16 as engines round, and hands over its rows.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "assay/audit_check.h"
#include "assay/audit_recorder.h"
#include "assay/weights_manifest.h"
#include "base/file.h"
#include "base/key_file.h"
#include "base/random.h"
#include "weights/test_support.h"

namespace assay::audit::test {

using Row = std::vector<float>;

inline std::uint16_t bf16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
inline float to_bf16(float value) { return std::bit_cast<float>(std::uint32_t{bf16_bits(value)} << 16); }

/// Normal numbers from a seed.
class Normal {
 public:
  explicit Normal(std::uint64_t seed)
      : stream_(sha256(ByteSpan(reinterpret_cast<std::uint8_t*>(&seed), 8))) {}
  float operator()() {
    double sum = -6;  // of twelve uniform numbers: near enough, and without a function of the library
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(stream_.next_u64() >> 11) * 0x1p-53;
    return static_cast<float>(sum);
  }

 private:
  ChaCha20Stream stream_;
};

/// Rounds to so many steps on each side of 0, of the largest of a row: integer weights of a channel.
inline void quantise(std::span<float> row, float steps) {
  float largest = 0;
  for (const float value : row) largest = std::max(largest, std::abs(value));
  for (float& value : row) value = to_bf16(std::round(value / largest * steps) * largest / steps);
}

struct Llama {
  static constexpr std::uint32_t kBlocks = 3;
  static constexpr std::size_t kHidden = 64;
  static constexpr std::size_t kHeads = 4;
  static constexpr std::size_t kKvHeads = 2;
  static constexpr std::size_t kHead = 16;
  static constexpr std::size_t kInner = 160;
  static constexpr std::size_t kVocabulary = 96;
  static constexpr float kEpsilon = 1e-5F;

  std::map<std::string, Row> tensors;
  std::map<std::string, tensor::Shape> shapes;

  explicit Llama(std::uint64_t seed = 1) {
    Normal normal(seed);
    const auto add = [&](const std::string& name, tensor::Shape shape, float size, float mean = 0) {
      std::size_t count = 1;
      for (const std::uint64_t side : shape) count *= side;
      Row values(count);
      for (float& value : values) value = to_bf16(mean + size * normal());
      tensors[name] = values;
      shapes[name] = shape;
    };
    add("model.embed_tokens.weight", {kVocabulary, kHidden}, 0.5F);
    add("lm_head.weight", {kVocabulary, kHidden}, 0.2F);
    add("model.norm.weight", {kHidden}, 0.1F, 1);
    for (std::uint32_t b = 0; b < kBlocks; ++b) {
      const std::string block = "model.layers." + std::to_string(b) + ".";
      add(block + "input_layernorm.weight", {kHidden}, 0.1F, 1);
      add(block + "post_attention_layernorm.weight", {kHidden}, 0.1F, 1);
      add(block + "self_attn.q_proj.weight", {kHeads * kHead, kHidden}, 0.15F);
      add(block + "self_attn.k_proj.weight", {kKvHeads * kHead, kHidden}, 0.15F);
      add(block + "self_attn.v_proj.weight", {kKvHeads * kHead, kHidden}, 0.1F);
      add(block + "self_attn.o_proj.weight", {kHidden, kHeads * kHead}, 0.1F);
      add(block + "mlp.gate_proj.weight", {kInner, kHidden}, 0.12F);
      add(block + "mlp.up_proj.weight", {kInner, kHidden}, 0.12F);
      add(block + "mlp.down_proj.weight", {kHidden, kInner}, 0.08F);
    }
  }

  [[nodiscard]] static std::string config() {
    return R"({"model_type":"llama","hidden_size":64,"num_attention_heads":4,"num_key_value_heads":2,)"
           R"("num_hidden_layers":3,"rms_norm_eps":1e-05,"rope_theta":10000.0,"hidden_act":"silu"})";
  }

  [[nodiscard]] std::vector<weights::Written> written() const {
    std::vector<weights::Written> all;
    for (const auto& [name, values] : tensors) {
      Bytes bytes;
      for (const float value : values) tensor::append(bytes, bf16_bits(value));
      all.push_back({name, shapes.at(name), "BF16", bytes});
    }
    return all;
  }

  /// With the matrices of all blocks in coarser numbers.
  [[nodiscard]] Llama quantised(float steps) const {
    Llama other = *this;
    for (auto& [name, values] : other.tensors) {
      if (!name.ends_with("_proj.weight")) continue;
      const std::size_t columns = shapes.at(name)[1];
      for (std::size_t at = 0; at < values.size(); at += columns)
        quantise(std::span(values).subspan(at, columns), steps);
    }
    return other;
  }
};

/// A pass of the model over one sequence, token by token, with what went before in its cache.
class Runner {
 public:
  /// Called for each row before it flows on: a provider who cheats changes it here.
  using Tamper = std::function<void(const Wire&, std::uint64_t position, Row&)>;

  explicit Runner(const Llama& model, Tamper tamper = {}) : model_(&model), tamper_(std::move(tamper)) {}

  std::map<Wire, Row> rows;  ///< of the last token
  /// What a cache makes of rows of k and v, once they were handed over.
  std::function<void(Row&)> into_cache = [](Row&) {};

  /// Gives the token with the largest logit.
  std::uint32_t feed(std::uint32_t token, std::uint64_t position) {
    rows.clear();
    const Row& embedding = model_->tensors.at("model.embed_tokens.weight");
    Row residual(embedding.begin() + static_cast<std::ptrdiff_t>(token * Llama::kHidden),
                 embedding.begin() + static_cast<std::ptrdiff_t>((token + 1) * Llama::kHidden));
    for (std::uint32_t b = 0; b < Llama::kBlocks; ++b)
      residual = block(b, flow({b, Role::kResidual}, position, residual), position);
    residual = flow({Llama::kBlocks, Role::kResidual}, position, residual);
    const Row last = flow({Wire::kNoBlock, Role::kFinalNorm}, position, norm("model.norm", residual));
    const Row logits = flow({Wire::kNoBlock, Role::kLogits}, position, linear("lm_head", last));
    return static_cast<std::uint32_t>(std::ranges::max_element(logits) - logits.begin());
  }

 private:
  Row flow(const Wire& wire, std::uint64_t position, Row row) {
    if (tamper_) tamper_(wire, position, row);
    return rows[wire] = row;
  }

  [[nodiscard]] Row linear(const std::string& name, const Row& input) const {
    const Row& weight = model_->tensors.at(name + ".weight");
    Row out(weight.size() / input.size());
    for (std::size_t j = 0; j < out.size(); ++j) {
      float sum = 0;
      for (std::size_t i = 0; i < input.size(); ++i) sum += weight[j * input.size() + i] * input[i];
      out[j] = to_bf16(sum);
    }
    return out;
  }

  [[nodiscard]] Row norm(const std::string& name, const Row& row) const {
    float squares = 0;
    for (const float value : row) squares += value * value;
    const float factor = 1 / std::sqrt(squares / static_cast<float>(row.size()) + Llama::kEpsilon);
    Row out = row;
    const Row& weight = model_->tensors.at(name + ".weight");
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = to_bf16(weight[i] * to_bf16(row[i] * factor));
    return out;
  }

  static Row add(const Row& a, const Row& b) {
    Row out = a;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = to_bf16(a[i] + b[i]);
    return out;
  }

  static void rotate(Row& row, std::uint64_t position) {
    constexpr std::size_t kHalf = Llama::kHead / 2;
    for (std::size_t at = 0; at < row.size(); at += Llama::kHead) {
      for (std::size_t i = 0; i < kHalf; ++i) {
        const float frequency = 1 / std::pow(10000.0F, 2 * static_cast<float>(i) / Llama::kHead);
        const float c = to_bf16(std::cos(static_cast<float>(position) * frequency));
        const float s = to_bf16(std::sin(static_cast<float>(position) * frequency));
        const float x = row[at + i];
        const float y = row[at + i + kHalf];
        row[at + i] = to_bf16(to_bf16(x * c) + to_bf16(-y * s));
        row[at + i + kHalf] = to_bf16(to_bf16(y * c) + to_bf16(x * s));
      }
    }
  }

  Row attend(std::uint32_t b, Row q, Row k, Row v, std::uint64_t position) {
    rotate(q, position);
    rotate(k, position);
    into_cache(k);
    into_cache(v);
    keys_[b].push_back(k);
    values_[b].push_back(v);
    Row out(q.size());
    for (std::size_t h = 0; h < Llama::kHeads; ++h) {
      const std::size_t kv = h / (Llama::kHeads / Llama::kKvHeads) * Llama::kHead;
      Row scores;
      for (const Row& key : keys_[b]) {
        float score = 0;
        for (std::size_t i = 0; i < Llama::kHead; ++i) score += q[h * Llama::kHead + i] * key[kv + i];
        scores.push_back(score / 4);
      }
      const float largest = *std::ranges::max_element(scores);
      float total = 0;
      for (float& score : scores) total += score = std::exp(score - largest);
      for (std::size_t i = 0; i < Llama::kHead; ++i) {
        float sum = 0;
        for (std::size_t j = 0; j < scores.size(); ++j) sum += scores[j] / total * values_[b][j][kv + i];
        out[h * Llama::kHead + i] = to_bf16(sum);
      }
    }
    return out;
  }

  Row block(std::uint32_t b, const Row& residual, std::uint64_t position) {
    const std::string name = "model.layers." + std::to_string(b) + ".";
    const Row input = flow({b, Role::kQkvInput}, position, norm(name + "input_layernorm", residual));
    const Row q = flow({b, Role::kQ}, position, linear(name + "self_attn.q_proj", input));
    const Row k = flow({b, Role::kK}, position, linear(name + "self_attn.k_proj", input));
    const Row v = flow({b, Role::kV}, position, linear(name + "self_attn.v_proj", input));
    const Row attended = flow({b, Role::kOInput}, position, attend(b, q, k, v, position));
    const Row middle =
        add(residual, flow({b, Role::kO}, position, linear(name + "self_attn.o_proj", attended)));
    const Row mlp = flow({b, Role::kMlpInput}, position, norm(name + "post_attention_layernorm", middle));
    const Row gate = flow({b, Role::kGate}, position, linear(name + "mlp.gate_proj", mlp));
    const Row up = flow({b, Role::kUp}, position, linear(name + "mlp.up_proj", mlp));
    Row inner = gate;
    for (std::size_t i = 0; i < inner.size(); ++i)
      inner[i] = to_bf16(to_bf16(gate[i] / (1 + std::exp(-gate[i]))) * up[i]);
    inner = flow({b, Role::kDownInput}, position, inner);
    return add(middle, flow({b, Role::kDown}, position, linear(name + "mlp.down_proj", inner)));
  }

  const Llama* model_;
  Tamper tamper_;
  std::map<std::uint32_t, std::vector<Row>> keys_;
  std::map<std::uint32_t, std::vector<Row>> values_;
};

inline Bytes bytes_of(const Row& row) {
  Bytes bytes;
  for (const float value : row) tensor::append(bytes, bf16_bits(value));
  return bytes;
}

inline SigningKey provider_key() { return SigningKey::from_seed({1, 2, 3}); }

/// A provider's run that lies on the disk, and what its verifier knows.
class SampleRun {
 public:
  std::vector<std::uint32_t> prompt = {5, 17, 3, 80, 41};
  std::size_t answer_tokens = 6;
  Recorder::Options options;

  SampleRun() : model_folder_(Llama::config()) {
    options.folder = directory_ / "log";
    options.memory_bytes = 1 << 22;
    request.nonce.fill(7);
    key_path_ = directory_ / "key";
    const std::string pem = encode_signing_key(provider_key());
    const ByteSpan bytes(reinterpret_cast<const std::uint8_t*>(pem.data()), pem.size());
    EXPECT_TRUE(write_private_file(key_path_, bytes, AtomicFile::Existing::kKeep).ok());
    model_folder_.whole(model.written());
    manifest = weights::Manifest::of(folder().tensors()).value().root();
  }

  Llama model;  ///< that was promised
  Request request;
  Digest manifest{};
  Head head;
  std::filesystem::path run_folder;
  RecorderStatistics statistics;

  [[nodiscard]] weights::Folder folder() const { return model_folder_.open().value(); }
  [[nodiscard]] const std::filesystem::path& key_path() const { return key_path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return directory_ / name; }

  std::vector<std::uint32_t> claimed;  ///< the prompt that was asked about, where it is another
  std::vector<std::uint32_t> forced;  ///< the tokens that are delivered, where they are not those of the rows
  std::function<void(Row&)> into_cache;
  std::function<bool(const Wire&)> kept_back;  ///< rows that are not handed over
  std::uint64_t shift = 0;                     ///< of the positions that the rows are handed over with
  BlockChoice agreed;                          ///< the blocks that the verifier expects rows of

  /// Answers with `used`, and hands its rows over.
  void compute(const Llama& used, const Runner::Tamper& tamper = {}) {
    Runner runner(used, tamper);
    if (into_cache) runner.into_cache = into_cache;
    request.prompt_token_ids = claimed.empty() ? prompt : claimed;
    request.output_token_ids.clear();
    const auto recorder = Recorder::open(options).value();
    const std::uint64_t run =
        recorder->begin_run({request.digest(), request.nonce, manifest, "tests"}).value();
    std::uint32_t next = 0;
    for (std::size_t i = 0; i < prompt.size(); ++i) {
      next = runner.feed(prompt[i], i);
      hand_over(*recorder, run, runner, i, i + 1 == prompt.size());
    }
    for (std::size_t i = 0; i < answer_tokens; ++i) {
      if (i < forced.size()) next = forced[i];
      request.output_token_ids.push_back(next);
      recorder->finish_step(run, next);
      if (i + 1 == answer_tokens) break;
      next = runner.feed(next, prompt.size() + i);
      hand_over(*recorder, run, runner, prompt.size() + i, true);
    }
    run_folder = recorder->folder_of(run).value();
    head = recorder->finish_run(run, key_path_).value();
    statistics = recorder->statistics();
  }

  /// Some of the wires of a run.
  static std::vector<WireEntry> wires() {
    std::vector<WireEntry> some;
    for (const Role role :
         {Role::kResidual, Role::kQkvInput, Role::kK, Role::kOInput, Role::kGate, Role::kDown})
      some.push_back({{1, role}, RowDtype::kBF16, 0});
    some.push_back({{Wire::kNoBlock, Role::kLogits}, RowDtype::kBF16, 0});
    return some;
  }

  [[nodiscard]] SignedHead signed_head() const { return SignedHead::decode(envelope(), "head").value(); }
  [[nodiscard]] std::string envelope() const {
    const Bytes bytes = read_file(run_folder / RunFolder::kHeadName, Head::kMaxBytes).value();
    return {bytes.begin(), bytes.end()};
  }

  /// Of these steps, with the attention of all blocks or of none.
  [[nodiscard]] Challenge challenge(std::vector<std::uint64_t> steps, bool attention = true) const {
    Challenge made{head.digest(), std::move(steps), {}};
    if (attention)
      for (const std::uint64_t step : made.steps)
        for (std::uint32_t b = 0; b < Llama::kBlocks; ++b)
          if (agreed.has(b)) made.attention.push_back({step, b});
    return made;
  }

  [[nodiscard]] Openings openings(const Challenge& asked) const {
    return decode(open_run(RunFolder::open(run_folder).value(), asked).value());
  }
  [[nodiscard]] static Openings decode(Bytes bytes) {
    const auto owner = std::make_shared<const Bytes>(std::move(bytes));
    return Openings::decode(*owner, "openings", owner).value();
  }

  [[nodiscard]] Expectation expectation(const Challenge& asked) const {
    return {provider_key().public_key(), request, asked, Tolerance::of(RowDtype::kBF16), agreed};
  }
  [[nodiscard]] Reference by_weights() const {
    return Reference::of(folder(), RowDtype::kBF16, manifest).value();
  }
  [[nodiscard]] Reference by_key() const {
    Key::Options enrolled;
    enrolled.manifest = manifest;
    return Reference::of(Key::enroll(folder(), enrolled, World::system()).value().front());
  }
  [[nodiscard]] Verdict check(const Challenge& asked, const Reference& reference) const {
    const Openings given = openings(asked);
    return audit::check(signed_head(), &given, expectation(asked), reference).value();
  }

 private:
  void hand_over(Recorder& recorder, std::uint64_t run, const Runner& runner, std::uint64_t position,
                 bool whole) const {
    for (const auto& [wire, row] : runner.rows) {
      const bool kept = wire.role == Role::kResidual || wire.role == Role::kK || wire.role == Role::kV;
      if (!whole && !kept && !options.all_prompt_rows) continue;
      if (kept_back && kept_back(wire)) continue;
      const Bytes bytes = bytes_of(row);
      const Span span{run, 0, 1, position + shift};
      recorder.record(wire, RowDtype::kBF16, bytes.data(), 1, bytes.size(), std::span(&span, 1));
    }
  }

  tensor::TempDir directory_;
  weights::ModelFolder model_folder_;
  std::filesystem::path key_path_;
};

/// "accepted", or the outcome and the step.
inline std::string outcome_of(const Verdict& verdict) {
  return verdict.ok() ? "accepted" : std::string(to_string(verdict.outcome())) + " " + verdict.step();
}

}  // namespace assay::audit::test
