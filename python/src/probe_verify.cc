#include "probe_verify.h"

#include <string>

#include "assay/probe_causal.h"
#include "assay/probe_geometry.h"
#include "assay/probe_statement.h"
#include "assay/world.h"
#include "bindings.h"

namespace assay::python {
namespace {

using probe::causal_verdict;
using probe::CausalPlan;
using probe::CausalResults;
using probe::check_plan;
using probe::Evidence;
using probe::file_digest;
using probe::Level;
using probe::level_from;
using probe::open_activations;
using probe::open_statement;
using probe::open_unembedding;
using probe::payload_digest;
using probe::ProbeSet;
using probe::read_corpus;
using probe::read_envelope;
using probe::read_gain;
using probe::read_public_key;
using probe::Remeasured;
using probe::StatedProbe;
using probe::Statement;
using probe::to_string;
using probe::TokensFile;

using FloatRows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using NewDoubleRows = nb::ndarray<nb::numpy, double, nb::ndim<2>>;
using Path = std::optional<std::string>;
using ConditionNames = std::tuple<std::string, std::string, std::string>;
/// Activations, labels and file of rows.
using CorpusPaths = std::tuple<std::string, std::string, Path>;
/// Numbers, largest difference, tolerance.
using PlainRemeasured = std::tuple<std::uint64_t, double, double>;

NewDoubleRows readings_of(const Statement& statement) {
  return to_array<NewDoubleRows>(statement.readings, {statement.positions.size(), statement.probes.size()});
}

void bind_statement(nb::module_& m) {
  nb::class_<Statement>(m, "ProbeStatement")
      .def_static(
          "read",
          [](const std::string& path) {
            return without_gil(
                [&] { return unwrap_read(open_statement(unwrap_read(read_envelope(path)), path)); });
          },
          nb::arg("path"))
      .def_ro("model_id", &Statement::model_id)
      .def_prop_ro("precision", [](const Statement& s) { return std::string(to_string(s.precision)); })
      .def_ro("layer", &Statement::layer)
      .def_ro("position_rule", &Statement::position_rule)
      .def_ro("row_rule", &Statement::row_rule)
      .def_ro("rows", &Statement::positions)
      .def_prop_ro("readings", &readings_of, nb::rv_policy::move)
      .def_prop_ro("names",
                   [](const Statement& s) {
                     std::vector<std::string> names;
                     for (const StatedProbe& probe : s.probes) names.push_back(probe.name);
                     return names;
                   })
      .def_prop_ro("tokens_digest", [](const Statement& s) { return bytes_if(s.tokens); })
      .def_prop_ro("weights_root", [](const Statement& s) { return bytes_if(s.weights_root); })
      .def_prop_ro("nonce", [](const Statement& s) { return bytes_if(s.nonce); })
      .def_ro("engine", &Statement::engine)
      .def_ro("issued_at", &Statement::issued_at)
      .def_ro("expires_at", &Statement::expires_at);
}

struct Files {
  Path activations, probes, unembedding, gain, tokens, rows, previous, evaluation, causal, plan;
};

/// What the files of a verifier hold.
Evidence read_evidence(const Files& files, const std::optional<CorpusPaths>& corpus) {
  Evidence evidence;
  if (files.activations) evidence.activations = unwrap_read(open_activations(*files.activations));
  if (files.probes) {
    evidence.set = unwrap_read(ProbeSet::read(*files.probes));
    evidence.set_digest = unwrap_read(file_digest(*files.probes, probe::kMaxJsonBytes));
  }
  if (files.unembedding) evidence.unembedding = unwrap_read(open_unembedding(*files.unembedding));
  if (files.gain) evidence.gain = unwrap_read(read_gain(*files.gain));
  if (files.tokens) evidence.tokens = unwrap_read(TokensFile::read(*files.tokens));
  if (files.rows) evidence.rows_digest = unwrap_read(file_digest(*files.rows, probe::RowsFile::kMaxBytes));
  if (files.previous)
    evidence.previous =
        unwrap_read(payload_digest(unwrap_read(read_envelope(*files.previous)), *files.previous));
  if (files.evaluation)
    evidence.evaluation_digest = unwrap_read(file_digest(*files.evaluation, probe::kMaxJsonBytes));
  if (files.causal) evidence.causal = unwrap_read(CausalResults::read(*files.causal));
  if (files.plan) evidence.plan = unwrap_read(CausalPlan::read(*files.plan));
  if (corpus) {
    const auto& [activations, labels, rows] = *corpus;
    evidence.corpus = unwrap_read(read_corpus(activations, labels, rows.value_or("")));
  }
  return evidence;
}

std::optional<Digest> nonce_of(const std::optional<std::string>& hex) {
  if (!hex) return std::nullopt;
  const Bytes bytes = unwrap(from_hex(*hex, "nonce"));
  Digest nonce{};
  if (bytes.size() != nonce.size())
    throw Failure{{ErrorCode::kMalformed, "nonce", "64 hexadecimal digits are expected"}};
  std::copy(bytes.begin(), bytes.end(), nonce.begin());
  return nonce;
}

Level level_of(const std::string& name) {
  const std::optional<Level> level = level_from(name);
  if (!level) throw Failure{{ErrorCode::kMalformed, "require", "it is none of L0 to L5"}};
  return *level;
}

Verdict verify_files(const std::string& statement, const std::string& pubkey, const Path& activations,
                     const Path& probes, const Path& unembedding, const Path& gain, const Path& tokens,
                     const Path& rows, const Path& previous, const std::optional<std::string>& nonce,
                     const std::optional<std::uint64_t>& now, const std::optional<nb::bytes>& weights_root,
                     const std::optional<FloatRows>& own_rows, const probe::Profile* profile,
                     const ConditionNames& conditions, const Path& evaluation,
                     const std::optional<CorpusPaths>& corpus, const Path& causal, const Path& plan,
                     const std::optional<PlainRemeasured>& remeasured, const std::string& require) {
  const Level level = level_of(require);
  std::optional<Digest> root;
  if (weights_root) root = to_digest(*weights_root, "weights_root");
  return without_gil([&] {
    Evidence evidence = read_evidence(
        {activations, probes, unembedding, gain, tokens, rows, previous, evaluation, causal, plan}, corpus);
    evidence.key = unwrap_read(read_public_key(pubkey));
    evidence.now = now.value_or(static_cast<std::uint64_t>(World::system().unix_time()));
    evidence.nonce = nonce_of(nonce);
    evidence.weights_root = root;
    if (own_rows)
      evidence.own_rows = std::vector<float>(own_rows->data(), own_rows->data() + own_rows->size());
    if (profile != nullptr) evidence.profile = *profile;
    evidence.conditions = {std::get<0>(conditions), std::get<1>(conditions), std::get<2>(conditions)};
    if (remeasured)
      evidence.remeasured =
          Remeasured{std::get<0>(*remeasured), std::get<1>(*remeasured), std::get<2>(*remeasured)};
    return unwrap_read(probe::verify(unwrap_read(read_envelope(statement)), statement, evidence, level));
  });
}

}  // namespace

void bind_probe_verify(nb::module_& m) {
  bind_statement(m);
  m.def("probe_verify", &verify_files, nb::arg("statement"), nb::arg("pubkey"), nb::kw_only(),
        nb::arg("activations") = nb::none(), nb::arg("probes") = nb::none(),
        nb::arg("unembedding") = nb::none(), nb::arg("gain") = nb::none(), nb::arg("tokens") = nb::none(),
        nb::arg("rows") = nb::none(), nb::arg("previous") = nb::none(), nb::arg("nonce") = nb::none(),
        nb::arg("now") = nb::none(), nb::arg("weights_root") = nb::none(),
        nb::arg("own_rows").noconvert() = nb::none(), nb::arg("profile").none() = nb::none(),
        nb::arg("conditions") = ConditionNames{}, nb::arg("evaluation") = nb::none(),
        nb::arg("corpus") = nb::none(), nb::arg("causal") = nb::none(), nb::arg("plan") = nb::none(),
        nb::arg("remeasured") = nb::none(), nb::arg("require") = "L3");
  nb::class_<CausalPlan>(m, "ProbeCausalPlan")
      .def_static(
          "read", [](const std::string& path) { return unwrap_read(CausalPlan::read(path)); },
          nb::arg("path"))
      .def_ro("dimension", &CausalPlan::dimension)
      .def_ro("positive", &CausalPlan::positive)
      .def_ro("negative", &CausalPlan::negative)
      .def_ro("prompts", &CausalPlan::prompts)
      .def_ro("neutral", &CausalPlan::neutral)
      .def_ro("kl_bound", &CausalPlan::kl_bound)
      .def_ro("alphas", &CausalPlan::alphas)
      .def_ro("random_directions", &CausalPlan::random_directions)
      .def_ro("seed", &CausalPlan::seed)
      .def_prop_ro("digest", [](const CausalPlan& plan) { return to_python(plan.sha256); });
  m.def(
      "probe_causal_verdict",
      [](const std::string& results, const std::string& plan) {
        return without_gil([&] {
          const CausalResults measured = unwrap_read(CausalResults::read(results));
          unwrap(check_plan(measured, unwrap_read(CausalPlan::read(plan))));
          return causal_verdict(measured);
        });
      },
      nb::arg("results"), nb::arg("plan"));
}

}  // namespace assay::python
