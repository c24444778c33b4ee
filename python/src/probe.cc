// Probes of a model's state: files, readings, statements and their verification.
#include "assay/probe.h"

#include <algorithm>
#include <string>

#include "assay/probe_causal.h"
#include "assay/probe_geometry.h"
#include "assay/probe_rows.h"
#include "assay/probe_set.h"
#include "assay/probe_statement.h"
#include "assay/probe_training.h"
#include "assay/world.h"
#include "bindings.h"
#include "probe_verify.h"
#include "values.h"

namespace assay::python {
namespace {

using probe::Activations;
using probe::auroc;
using probe::compare_rows;
using probe::Fit;
using probe::fit_logistic;
using probe::Geometry;
using probe::geometry_of;
using probe::labels_text;
using probe::LayerRows;
using probe::mean_row;
using probe::open_activations;
using probe::open_unembedding;
using probe::OriginalProbe;
using probe::Precision;
using probe::precision_from;
using probe::Probe;
using probe::ProbeSet;
using probe::read_mean;
using probe::Reader;
using probe::RowDistance;
using probe::RowsFile;
using probe::SetDetails;
using probe::TextRows;
using probe::to_string;
using probe::TokenIds;
using probe::TokensFile;
using probe::UnembeddingWriter;
using probe::write_activations;

using FloatCube = nb::ndarray<const float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using FloatRows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using FloatVector = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using DoubleRows = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using DoubleVector = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using NewFloatCube = nb::ndarray<nb::numpy, float, nb::ndim<3>>;
using NewFloatVector = nb::ndarray<nb::numpy, float, nb::ndim<1>>;
using NewDoubleRows = nb::ndarray<nb::numpy, double, nb::ndim<2>>;
using NewDoubleVector = nb::ndarray<nb::numpy, double, nb::ndim<1>>;

template <class Array>
auto values_of(const Array& array) {
  return std::span(array.data(), array.size());
}

template <class Array>
std::uint32_t width_of(const Array& array, std::size_t axis) {
  return static_cast<std::uint32_t>(std::min<std::size_t>(array.shape(axis), UINT32_MAX));
}

Precision precision_of(const std::string& name) {
  const std::optional<Precision> known = precision_from(name);
  if (!known)
    throw Failure{{ErrorCode::kUnsupported, "precision", "it is neither fp32, fp16, bf16 nor int8"}};
  return *known;
}

/// Covectors row by row, with their biases.
std::vector<Reader> readers_of(const DoubleRows& covectors, const std::vector<double>& biases) {
  if (biases.size() != covectors.shape(0))
    throw Failure{{ErrorCode::kMismatch, "biases", "not as many as covectors"}};
  std::vector<Reader> readers;
  const std::size_t width = covectors.shape(1);
  for (std::size_t k = 0; k < biases.size(); ++k)
    readers.push_back({values_of(covectors).subspan(k * width, width), biases[k]});
  return readers;
}

using ReadActivations = std::tuple<std::string, std::string, std::vector<std::uint32_t>,
                                   std::vector<std::uint32_t>, NewFloatCube>;

ReadActivations read_activations(const std::string& path) {
  std::vector<std::uint32_t> layers;
  std::vector<float> values;
  const Activations read = without_gil([&] {
    Activations opened = unwrap_read(open_activations(path));
    for (const LayerRows& layer : opened.layers) {
      layers.push_back(layer.layer);
      values.insert(values.end(), layer.values.begin(), layer.values.end());
    }
    return opened;
  });
  const std::size_t count = layers.size();
  return {read.model_id, std::string(to_string(read.precision)), std::move(layers), read.positions,
          to_array<NewFloatCube>(std::move(values), {count, read.positions.size(), read.width})};
}

void bind_formats(nb::module_& m) {
  m.def(
      "probe_write_activations",
      [](const std::string& path, const std::string& model_id, const std::string& precision,
         const std::vector<std::uint32_t>& layers, const std::vector<std::uint32_t>& positions,
         const FloatCube& values) {
        const Precision tag = precision_of(precision);
        unwrap(without_gil([&] {
          return write_activations(path, model_id, tag, width_of(values, 2), layers, positions,
                                   values_of(values));
        }));
      },
      nb::arg("path"), nb::arg("model_id"), nb::arg("precision"), nb::arg("layers"), nb::arg("positions"),
      nb::arg("values").noconvert());
  m.def("probe_read_activations", &read_activations, nb::arg("path"));
  nb::class_<UnembeddingWriter>(m, "ProbeUnembeddingWriter")
      .def(
          "__init__",
          [](UnembeddingWriter* self, const std::string& path, std::uint64_t tokens, std::uint32_t width) {
            new (self) UnembeddingWriter(unwrap(UnembeddingWriter::create(path, tokens, width)));
          },
          nb::arg("path"), nb::arg("tokens"), nb::arg("width"))
      .def(
          "add",
          [](UnembeddingWriter& writer, const FloatRows& rows) {
            unwrap(without_gil([&] { return writer.add(values_of(rows)); }));
          },
          nb::arg("rows").noconvert())
      .def("finish", [](UnembeddingWriter& writer) { unwrap(without_gil([&] { return writer.finish(); })); });
  m.def(
      "probe_read_labels", [](const std::string& path) { return unwrap_read(probe::read_labels(path)); },
      nb::arg("path"));
  m.def(
      "probe_labels_text", [](const std::vector<bool>& labels) { return labels_text(labels); },
      nb::arg("labels"));
}

void bind_readings(nb::module_& m) {
  m.def(
      "probe_mean_row",
      [](const FloatRows& rows) {
        std::vector<float> mean =
            unwrap(without_gil([&] { return mean_row(values_of(rows), width_of(rows, 1)); }));
        const std::size_t width = mean.size();
        return to_array<NewFloatVector>(std::move(mean), {width});
      },
      nb::arg("rows").noconvert());
  m.def(
      "probe_readings",
      [](const FloatRows& rows, const DoubleRows& covectors, const std::vector<double>& biases) {
        const std::vector<Reader> readers = readers_of(covectors, biases);
        std::vector<double> readings = unwrap(
            without_gil([&] { return probe::read_rows(values_of(rows), width_of(rows, 1), readers); }));
        return to_array<NewDoubleRows>(std::move(readings), {rows.shape(0), readers.size()});
      },
      nb::arg("rows").noconvert(), nb::arg("covectors").noconvert(), nb::arg("biases"));
  m.def(
      "probe_mean_readings",
      [](const FloatRows& rows, const DoubleRows& covectors, const std::vector<double>& biases) {
        const std::vector<Reader> readers = readers_of(covectors, biases);
        std::vector<double> readings =
            unwrap(without_gil([&] { return read_mean(values_of(rows), width_of(rows, 1), readers); }));
        const std::size_t count = readings.size();
        return to_array<NewDoubleVector>(std::move(readings), {count});
      },
      nb::arg("rows").noconvert(), nb::arg("covectors").noconvert(), nb::arg("biases"));
  m.def(
      "probe_compare_rows",
      [](const FloatRows& own, const FloatRows& theirs, const DoubleRows& covectors,
         const std::vector<double>& reading_sd) {
        if (reading_sd.size() != covectors.shape(0))
          throw Failure{{ErrorCode::kMismatch, "reading_sd", "not as many as covectors"}};
        std::vector<Probe> probes(reading_sd.size());
        const std::size_t width = covectors.shape(1);
        for (std::size_t k = 0; k < probes.size(); ++k) {
          const auto covector = values_of(covectors).subspan(k * width, width);
          probes[k].covector.assign(covector.begin(), covector.end());
          probes[k].reading_sd = reading_sd[k];
        }
        const RowDistance found = unwrap(without_gil(
            [&] { return compare_rows(values_of(own), values_of(theirs), width_of(own, 1), probes); }));
        return std::pair(found.row_error, found.reading_error);
      },
      nb::arg("own").noconvert(), nb::arg("theirs").noconvert(), nb::arg("covectors").noconvert(),
      nb::arg("reading_sd"));
  m.def(
      "probe_geometry",
      [](const std::string& path, bool centred, const std::optional<FloatVector>& gain) {
        const std::span<const float> folded = gain ? values_of(*gain) : std::span<const float>();
        Geometry geometry = without_gil(
            [&] { return unwrap(geometry_of(unwrap_read(open_unembedding(path)), centred, folded)); });
        return to_array<NewDoubleRows>(std::move(geometry.phi), {geometry.width, geometry.width});
      },
      nb::arg("path"), nb::arg("centred"), nb::arg("gain").none());
  m.def(
      "probe_auroc",
      [](const std::vector<double>& scores, const std::vector<bool>& labels) {
        if (scores.size() != labels.size())
          throw Failure{{ErrorCode::kMismatch, "labels", "not as many as scores"}};
        return auroc(scores, labels);
      },
      nb::arg("scores"), nb::arg("labels"));
  m.def(
      "probe_fit_logistic",
      [](const DoubleRows& features, const std::vector<bool>& labels, double lambda) {
        Fit fit = unwrap(without_gil(
            [&] { return fit_logistic(values_of(features), features.shape(1), labels, lambda); }));
        const std::size_t width = fit.beta.size();
        return std::tuple(to_array<NewDoubleVector>(std::move(fit.beta), {width}), fit.intercept, fit.loss);
      },
      nb::arg("features").noconvert(), nb::arg("labels"), nb::arg("lambda_"));
}

/// Group, label, tokens, positions.
using PlainText = std::tuple<std::string, bool, TokenIds, std::vector<std::uint32_t>>;

std::optional<Digest> digest_if(const std::optional<nb::bytes>& bytes, std::string_view place) {
  if (!bytes) return std::nullopt;
  return to_digest(*bytes, place);
}

void bind_rows(nb::module_& m) {
  nb::class_<RowsFile> rows(m, "ProbeRows");
  rows.def(
          "__init__",
          [](RowsFile* self, std::string model_id, std::string rule, std::string engine,
             const std::vector<PlainText>& texts, const std::optional<nb::bytes>& tokenizer,
             const std::optional<nb::bytes>& chat_template, const std::optional<nb::bytes>& weights_root) {
            RowsFile made{std::move(model_id),
                          digest_if(tokenizer, "tokenizer_sha256"),
                          digest_if(chat_template, "chat_template_sha256"),
                          digest_if(weights_root, "weights_root"),
                          std::move(rule),
                          std::move(engine),
                          {}};
            for (const auto& [group, label, tokens, positions] : texts)
              made.texts.push_back({group, label, tokens, positions});
            unwrap(made.validate());
            new (self) RowsFile(std::move(made));
          },
          nb::arg("model_id"), nb::arg("rule"), nb::arg("engine"), nb::arg("texts"),
          nb::arg("tokenizer_sha256") = nb::none(), nb::arg("chat_template_sha256") = nb::none(),
          nb::arg("weights_root") = nb::none())
      .def_ro("model_id", &RowsFile::model_id)
      .def_ro("rule", &RowsFile::rule)
      .def_ro("engine", &RowsFile::engine)
      .def_prop_ro("texts",
                   [](const RowsFile& file) {
                     std::vector<PlainText> texts;
                     for (const TextRows& text : file.texts)
                       texts.emplace_back(text.group, text.label, text.tokens, text.positions);
                     return texts;
                   })
      .def_prop_ro("weights_root", [](const RowsFile& file) { return bytes_if(file.weights_root); })
      .def_prop_ro("row_count", &RowsFile::row_count);
  bind_file<std::string_view>(rows);
  m.def(
      "probe_read_tokens",
      [](const std::string& path) {
        const TokensFile file = without_gil([&] { return unwrap_read(TokensFile::read(path)); });
        return std::pair(to_python(file.salt), file.texts);
      },
      nb::arg("path"));
  m.def(
      "probe_token_digest",
      [](const nb::bytes& salt, const std::vector<TokenIds>& texts) {
        return to_python(TokensFile{to_digest(salt, "salt"), texts}.digest());
      },
      nb::arg("salt"), nb::arg("texts"));
}

const SetDetails& details_of(const ProbeSet& set) {
  if (!set.details)
    throw Failure{{ErrorCode::kUnsupported, "probe set", "the original made it: it has no covectors"}};
  return *set.details;
}

/// One vector of each probe, row by row.
NewDoubleRows vectors_of(const ProbeSet& set, std::vector<double> Probe::*which) {
  const SetDetails& details = details_of(set);
  std::vector<double> values;
  for (const Probe& probe : details.probes)
    values.insert(values.end(), (probe.*which).begin(), (probe.*which).end());
  return to_array<NewDoubleRows>(std::move(values), {details.probes.size(), details.width});
}

template <class T>
std::vector<T> of_each(const ProbeSet& set, T Probe::*which) {
  std::vector<T> values;
  for (const Probe& probe : details_of(set).probes) values.push_back(probe.*which);
  return values;
}

void bind_sets(nb::module_& m) {
  nb::class_<ProbeSet> set(m, "ProbeSet");
  set.def_ro("layer", &ProbeSet::layer)
      .def_prop_ro("model_id", [](const ProbeSet& s) { return details_of(s).model_id; })
      .def_prop_ro("precision",
                   [](const ProbeSet& s) { return std::string(to_string(details_of(s).precision)); })
      .def_prop_ro("centred", [](const ProbeSet& s) { return details_of(s).geometry.centred; })
      .def_prop_ro("width", &ProbeSet::width)
      .def_prop_ro("dimensions",
                   [](const ProbeSet& s) {
                     std::vector<std::string> names;
                     for (const OriginalProbe& probe : s.probes) names.push_back(probe.dimension);
                     return names;
                   })
      .def_prop_ro(
          "covectors", [](const ProbeSet& s) { return vectors_of(s, &Probe::covector); }, nb::rv_policy::move)
      .def_prop_ro(
          "vectors", [](const ProbeSet& s) { return vectors_of(s, &Probe::vector); }, nb::rv_policy::move)
      .def_prop_ro("biases", [](const ProbeSet& s) { return of_each(s, &Probe::bias); })
      .def_prop_ro("platt",
                   [](const ProbeSet& s) {
                     std::vector<std::pair<double, double>> scales;
                     for (const Probe& probe : details_of(s).probes)
                       scales.emplace_back(probe.platt_scale, probe.platt_shift);
                     return scales;
                   })
      .def_prop_ro("reading_sd", [](const ProbeSet& s) { return of_each(s, &Probe::reading_sd); });
  bind_file<std::string_view>(set);
}

void bind_profiles(nb::module_& m) {
  nb::class_<probe::Profile> profile(m, "ProbeProfile");
  bind_profile_value(profile);
  profile
      .def(
          "__init__",
          [](probe::Profile* self, std::string name, std::string model, std::string dtype, std::string kernel,
             double row_error, double reading_error, std::optional<double> false_alarm_bound,
             std::uint64_t honest_runs) {
            probe::Profile made;
            made.name = std::move(name);
            made.conditions = {std::move(model), std::move(dtype), std::move(kernel)};
            made.row_error = row_error;
            made.reading_error = reading_error;
            made.false_alarm_bound = false_alarm_bound;
            made.honest_runs = honest_runs;
            unwrap(made.validate());
            new (self) probe::Profile(std::move(made));
          },
          nb::arg("name"), nb::arg("model"), nb::arg("dtype"), nb::arg("kernel"), nb::arg("row_error"),
          nb::arg("reading_error"), nb::arg("false_alarm_bound").none(), nb::arg("honest_runs"))
      .def_static(
          "read", [](const std::string& path) { return unwrap_read(probe::Profile::read(path)); },
          nb::arg("path"))
      .def(
          "write", [](const probe::Profile& p, const std::string& path) { unwrap(p.write(path)); },
          nb::arg("path"))
      .def_prop_ro("name", [](const probe::Profile& p) { return p.name; })
      .def_prop_ro("model", [](const probe::Profile& p) { return p.conditions.model; })
      .def_prop_ro("dtype", [](const probe::Profile& p) { return p.conditions.dtype; })
      .def_prop_ro("kernel", [](const probe::Profile& p) { return p.conditions.kernel; })
      .def_ro("row_error", &probe::Profile::row_error)
      .def_ro("reading_error", &probe::Profile::reading_error)
      .def_prop_ro("false_alarm_bound", [](const probe::Profile& p) { return p.false_alarm_bound; })
      .def_prop_ro("honest_runs", [](const probe::Profile& p) { return p.honest_runs; });
}

}  // namespace

void bind_probe(nb::module_& m) {
  bind_formats(m);
  bind_readings(m);
  bind_rows(m);
  bind_sets(m);
  bind_profiles(m);
  bind_probe_verify(m);
}

}  // namespace assay::python
