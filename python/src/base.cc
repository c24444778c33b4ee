// Errors and verdicts as Python sees them, rows of field elements, threads and kernels.
#include "assay/base.h"

#include <algorithm>
#include <string>

#include "bindings.h"

namespace assay::python {
namespace {

std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kMalformed:
      return "malformed";
    case ErrorCode::kNonCanonical:
      return "non_canonical";
    case ErrorCode::kTooLarge:
      return "too_large";
    case ErrorCode::kOutOfRange:
      return "out_of_range";
    case ErrorCode::kMismatch:
      return "mismatch";
    case ErrorCode::kUnsupported:
      break;
  }
  return "unsupported";
}

void raise(const Failure& failure) {
  const Error& error = failure.error;
  const bool bad_bytes = failure.reading && error.code != ErrorCode::kIo;
  try {
    const nb::object type =
        nb::module_::import_("assay.errors").attr(bad_bytes ? "DecodeError" : "InputError");
    const nb::object raised = type(name_of(error.code), error.place, error.reason);
    PyErr_SetObject(type.ptr(), raised.ptr());
  } catch (nb::python_error& other) {
    other.restore();
  }
}

std::string describe(const Verdict& verdict) {
  std::string text = "Verdict(" + std::string(to_string(verdict.outcome()));
  if (!verdict.step().empty()) text += " at \"" + verdict.step() + "\": " + verdict.reason();
  for (const auto& [name, value] : verdict.figures())
    text.append(", ").append(name).append("=").append(value);
  for (const std::string& note : verdict.notes()) text += "; " + note;
  return text + ")";
}

}  // namespace

Result<std::vector<Scalar>> read_rows(ByteSpan rows, std::string_view place) {
  if (rows.size() % 32 != 0)
    return Error{ErrorCode::kMalformed, std::string(place), "not in rows of 32 bytes"};
  std::vector<Scalar> scalars;
  scalars.reserve(rows.size() / 32);
  for (std::size_t i = 0; i < rows.size(); i += 32) {
    Result<Scalar> scalar = Scalar::from_bytes(rows.subspan(i, 32), place);
    if (!scalar.ok()) {
      Error error = scalar.error();
      error.place += ", row " + std::to_string(i / 32);
      return error;
    }
    scalars.push_back(*scalar);
  }
  return scalars;
}

std::vector<Fr> to_field(std::span<const Scalar> scalars) {
  std::vector<Fr> elements(scalars.size());
  std::transform(scalars.begin(), scalars.end(), elements.begin(), Fr::from_scalar);
  return elements;
}

NewRows to_rows(std::span<const Fr> elements) {
  auto rows = std::make_unique<Bytes>();
  without_gil([&] {
    rows->reserve(elements.size() * 32);
    for (const Fr& element : elements) {
      const auto bytes = element.to_scalar().to_bytes();
      rows->insert(rows->end(), bytes.begin(), bytes.end());
    }
  });
  std::uint8_t* data = rows->data();
  const nb::capsule owner(rows.release(), [](void* p) noexcept { delete static_cast<Bytes*>(p); });
  return NewRows(data, {elements.size(), 32}, owner);
}

Digest to_digest(const nb::bytes& bytes, std::string_view place) {
  Digest digest{};
  if (bytes.size() != digest.size()) {
    throw Failure{{ErrorCode::kMalformed, std::string(place), "a digest has 32 bytes"}};
  }
  std::ranges::copy(span_of(bytes), digest.begin());
  return digest;
}

Axes to_axes(const std::vector<std::uint64_t>& sizes) { return unwrap(Axes::from(sizes, "axes")); }

IntegerTuple to_tuple(std::span<const std::uint32_t> numbers) {
  nb::list list;
  for (const std::uint32_t number : numbers) list.append(number);
  return IntegerTuple(nb::tuple(list));
}

void bind_base(nb::module_& m) {
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    try {
      std::rethrow_exception(thrown);
    } catch (const Failure& failure) {
      raise(failure);
    }
  });

  nb::class_<Verdict>(m, "Verdict", R"(The answer of a verifier: a value, never an exception.

True in a condition only when the outcome is "accepted".)")
      .def("__bool__", &Verdict::ok)
      .def_prop_ro(
          "outcome", [](const Verdict& v) { return to_string(v.outcome()); },
          R"("accepted", "rejected" or "inconclusive".)")
      .def_prop_ro("step", &Verdict::step, "The step that failed; empty when accepted.")
      .def_prop_ro("reason", &Verdict::reason, "Why it failed, in one clause; empty when accepted.")
      .def_prop_ro("notes", &Verdict::notes, "What the verdict rests on but did not check.")
      .def_prop_ro(
          "figures",
          [](const Verdict& v) {
            nb::typed<nb::dict, std::string, std::string> figures;
            for (const auto& [name, value] : v.figures()) figures[name.c_str()] = value;
            return figures;
          },
          "The numbers of the step, by name.")
      .def("__repr__", &describe);

  m.def("set_thread_limit", &set_thread_limit, nb::arg("threads"));
  m.def("thread_limit", &thread_limit);
  m.def("available_kernels", [] {
    std::vector<std::string> names;
    for (const std::string_view name : available_kernels()) names.emplace_back(name);
    return names;
  });
  m.def("active_kernel", &active_kernel);
  m.def(
      "force_kernel", [](std::string_view name) { unwrap(force_kernel(name)); }, nb::arg("name"));
}

}  // namespace assay::python
