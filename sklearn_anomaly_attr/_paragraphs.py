"""The paragraphs that docstrings share, by name."""

TEXT = """
absent_pixels
    What absent regions show:

    - "mean", "median": the mean, or the median, of the training images;
    - "kmeans", "neighbors", "sample": ``n_references`` centers of clusters of
      the training images, those nearest to the image, or some drawn at random,
      one after the other; the scores are averaged;
    - "blur": the image behind a Gaussian blur, with a standard deviation of
      an eighth of the longer side;
    - "image_mean": the image's mean in each channel;
    - "reconstruction": what the detector gives back for the image, by its
      method ``reconstruct``;
    - a function of images (n, C, H, W) gives what each shows, in the same
      shape; images of one's own; or one of the objects that the words stand
      for.
absent_values
    What absent features show:

    - "kmeans": centers of clusters of the training rows, weighted by their
      shares of the rows, see :class:`KMeansReferences`;
    - "neighbors": the training rows nearest to the explained one, see
      :class:`NearestReferences`;
    - "sample": training rows drawn at random;
    - "mean", "median": the mean, or the median, of each training column; of
      categories, the most frequent one;
    - "reconstruction": what the detector gives back for the row, by its
      method ``reconstruct``;
    - one of the objects that these stand for, or rows of one's own, with the
      columns of X.
alarm_threshold
    Scores ABOVE it are alarms, as in ``predict``: ``-detector.offset_`` for
    ``-detector.score_samples(X)``; 0 for ``-detector.decision_function(X)`` and
    for alarms given as booleans. An array has one for each row.
alarm_time
    Times of the rows, ascending in each series. With None they are the index of
    `y_true` or of `anomaly_score`, where one is a Series with a DatetimeIndex,
    PeriodIndex or TimedeltaIndex.
any_labels
    Labels: 0 normal and 1 anomalous, +1 normal and -1 anomalous, or any two with
    `pos_label`; they may all be of one kind. Anomalous rows that follow each
    other are one event.
attributions_add_up
    Attributions are in units of the anomaly score; POSITIVE pushes it UP.
    With the base value, the weighted mean score of the references, they add up
    to the anomaly score, ``-estimator_.score_samples(X)``.
attributions_do_not_add_up
    Attributions are in units of the anomaly score; POSITIVE pushes it UP. They
    do not add up to the score: interactions count in full for each of their
    features, and where many features are abnormal, a score that has levelled
    off does not lose much without one of them. ``base_values`` of the
    explanation are NaN.
ax
    For the images, then for their heat maps; made if None.
batch_size
    Largest number of rows that are scored at once; bounds the memory.
    "auto" suits it to the number of columns and to the score.
categorical_features
    Columns, by name or position, whose absent values must be among those
    seen in ``fit``. Columns of strings, booleans and categoricals are so
    in any case, as are those that the detector's Pipeline gives to an
    encoder; "auto" adds no other.
category_columns
    Columns, by name or position, that hold categories. Columns of strings,
    booleans and categoricals are so in any case, as are those that the
    detector's Pipeline gives to an encoder; "auto" adds no other.
center_and_scale
    Means and standard deviations of the training columns; the net sees
    ``(X - center_) / scale_``.
center_and_scale_of_images
    Means and standard deviations of the channels, or of the table's
    columns.
compactness
    Weight of the place of a pixel against its colour, for "kmeans".
contamination
    Share of the training rows beyond the threshold of ``predict``, in
    (0, 0.5]. On clean training rows: the rate of false alarms.
criteria_by_logarithms
    A search takes the mean over folds, whose boxes differ. Boxes cancel out of
    differences of logarithms, and no fold counts more than another. The draws are the
    same for all detectors that score the same rows.
criteria_can_do
    The criterion can rank settings of one detector that say how smooth its score is,
    on at most about eight columns of numbers that take many values, where the rows
    are normal. It cannot compare detectors of different kinds or on different
    columns, and anomalies among the rows mislead it: it knows nothing of them, and
    what holds them tightly is the better for it.

    Spearman's correlation with the AUROC over settings of neighbors (1 to 100) and of
    a mixture (1 to 32 components), mean over 41 and 42 tables of at most eight columns:
    .31 to .37 and .14 to .25, beside .34 and .07 of the held-out likelihood; with
    anomalies among the rows -.02 to .03, beside -.02 and .13. On 25 tables of more
    columns it is .08 to .21, and -.28 to .38 with anomalies. The setting that was
    chosen had .02 to .04 more AUROC than the mean of the settings on few columns, and
    none where there were many (``python -m benchmarks.selection``).
device
    Torch device to compute on; "auto" takes a GPU where there is one.
differentiable_estimator
    Outlier detector, density model, or Pipeline that ends in one, whose
    score has a gradient. One that is not fitted is cloned and fitted; see
    ``prefit``.
early_stopping
    Whether to stop when the loss of held-out rows no longer falls, and to
    go back to the weights at its lowest.
estimator
    Outlier detector, density model, or Pipeline that ends in one; models of
    PyOD are taken through :class:`.PyODDetector`. One that is not fitted is
    cloned and fitted; see ``prefit``.
estimator_
    The fitted detector.
estimator_of_images
    Detector of images in rows, or Pipeline that ends in one; any outlier
    detector takes the pixels for columns of a table. One that is not fitted is
    cloned, told ``image_shape`` where it has this parameter, and fitted; see
    ``prefit``.
estimator_of_series
    Detector of series: an LSTMAutoencoderDetector, an OmniAnomalyDetector, or
    any other detector in a :class:`WindowedDetector`. One that is not fitted
    is cloned and fitted; see ``prefit``.
feature_groups
    Groups of columns that are attributed as one: group name -> columns,
    by name or position. Columns in no group stay alone.
feature_names_in_
    Names of the columns seen in ``fit``, where all are strings.
features_in
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns seen in ``fit``, where all are strings.
features_in_of_images
    n_features_in_ : int
        Number of columns seen in ``fit``, C * H * W for images.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns seen in ``fit``, where all are strings.
estimator_or_default
    Detector, or Pipeline ending in one. None: an
    :class:`~sklearn_anomaly_attr.AnomalyDetector`, which takes any table; to set its
    parameters, pass one.
fields_of_rows
    values : ndarray of shape (n_samples, n_players)
        Attributions. A player is a feature, or a group of features.
    base_values : ndarray of shape (n_samples,)
        Anomaly score with every feature absent; NaN for methods whose
        attributions do not add up to the score.
    scores : ndarray of shape (n_samples,)
        Anomaly scores, ``-score_samples(X)``; HIGHER is more abnormal.
    data : ndarray of shape (n_samples, n_features)
        The explained rows; of dtype object where columns hold categories.
    index : pandas.Index of length n_samples
        Their labels.
    feature_names : ndarray of shape (n_players,) of object
        Names of the players: labels of columns, or names of groups.
    column_names : ndarray of shape (n_features,) of object
        Labels of the columns of `data`, in their own type.
    feature_groups : tuple of n_players tuples of int
        Positions of each player's columns in `data`.
    standard_errors, reference : None
        There are none.
    description : str, default=""
        How the attributions were found.
    container : str, default="pandas"
        Library of the frames that the methods give, as narwhals names it.
folds_of_series
    The rows of a fold are taken as one series: pass folds that are stretches in the
    order of time, with an event in each, as ``cv=[(train, test)]`` of positions or
    :class:`sklearn.model_selection.TimeSeriesSplit`. Shuffled folds tear events apart.
first_order_attributions
    Attributions are first-order changes of the anomaly score, where POSITIVE
    pushes it UP, or magnitudes; see ``multiply_by``. They do not add up to it.
few_draws
    If hardly any draw lies in the set that holds the mass `min_mass`, so that its
    volume is hardly known.
fitted_epochs
    n_iter_ : int
        Number of epochs of the last call of ``fit``.
    loss_curve_ : list of float
        Mean training loss of each epoch.
fitted_image_explainer
    estimator_ : estimator
        The fitted detector.
    image_shape_ : tuple (C, H, W)
        Shape of the images.
    n_features_in_ : int
        Number of columns of their rows, C * H * W.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns seen in ``fit``, where all are strings.
fitted_images
    image_shape_ : tuple (C, H, W) or None
        Shape of the images; None for a table.
    center_, scale_ : ndarray of shape (`n_features_in_`,) or (C,)
        Means and standard deviations of the training columns, of the channels
        for images; the net sees ``(X - center_) / scale_``.
fitted_training
    n_iter_ : int
        Number of epochs of the last call of ``fit``.
    loss_curve_ : list of float
        Mean training loss of each epoch.
    validation_scores_ : list of float or None
        Negative mean loss of the held-out rows after each epoch; None without
        ``early_stopping``.
    best_loss_ : float
        Loss of the epoch whose weights were kept: of the held-out rows, or,
        without ``early_stopping``, of the training rows.
    offset_ : float
        Threshold on ``score_samples``; rows below it are anomalies.
fitted_windows
    window_ : int
        Number of timestamps in a window.
    stride_ : int
        Number of timestamps from one training window to the next.
    max_gap_ : float or None
        Longest step inside a window, in seconds; None for any.
    run_starts_ : ndarray of shape (n_runs,)
        First training row of each run of consecutive timestamps.
    window_starts_ : ndarray of shape (n_windows,)
        First row of each training window.
float32_training
    Training is in float32, scoring in float64: the score of a row does not
    depend on the rows beside it.
image_batch_size
    Largest number of images that are scored at once; bounds the memory.
    "auto" suits it to their size and to the score.
image_shape
    Channels, height and width of the images in the rows of a 2-D X, where
    ``row.reshape(C, H, W)`` is an image. Arrays of the shapes (n, C, H, W)
    and (n, H, W) tell it themselves.
image_shape_of_detector
    (C, H, W), or (H, W), of the images in the rows of a 2-D X. By default
    that of the detector; where it has none, a row is one line of pixels.
image_shape_of_rows
    Channels, height and width of the images in the rows of a 2-D X;
    arrays of the shapes (n, C, H, W) and (n, H, W) tell it themselves.
    None takes a 2-D X for a table.
initial
    Share :math:`r_0` of the first iteration, in (0, 1].
input_features
    If given, must be the names of the columns seen in ``fit``.
latent_size
    Number of dimensions of the points; "auto" is 32 for tables, and the
    size that suits the images: 32 for 28x28 with one channel, 256 for
    32x32 with more.
level_sets
    The curves are integrated exactly, not on a grid: the sets of the score are those
    that end at a row, ties included. A volume counts one draw more than was found, so
    that no set is taken for infinitely dense. Volumes are shares of the box.
    Rows far from all others make the box large, and draws among the others rare.
local_minimum_definition
    Where a search begins, and where moves are priced from. "robust": at the row,
    whose values beyond the 1 and 99 % quantiles of their training column become
    the quantile; the way back into the range costs nothing. Around a Gaussian
    mixture further searches begin at each component, and the minimum is taken
    that is lowest at thirty times ``gamma``. "published": at the row itself, one
    search, as in the reference.
max_evaluations
    Largest number of coalitions; "auto" is 2 * n_features + 2048. All are
    evaluated where they fit, which makes the values exact. The time of each row
    grows in proportion to it, and errors tend to shrink.
    The coalitions are planned once, in ``fit``: in a tenth of a second by default,
    and 2 seconds for 3,000 features; in half a second for 6,000 coalitions; and in
    3 seconds for 20,000 with 21 features, or 6 with 166.
max_gap
    Longest step in time inside a window, such as "5min", where X is a
    DataFrame whose index holds dates or durations. "auto" is 1.5 times the
    median step of the training rows; None allows any.
max_iter
    Number of epochs; the largest one with ``early_stopping``.
n_denoising_steps
    Number of steps that take the noise out.
n_diffusion_steps
    Number of steps of diffusion. With the default, the noise's standard
    deviation rises to 0.93 standard deviations of a column; with fewer, less.
n_distinct_references
    Number of references; "mean" and "median" give one. Fewer where there
    are fewer different training rows.
n_iter_
    Number of epochs of the last call of ``fit``.
n_iter_no_change
    Number of epochs without an improvement that ends the training, with
    ``early_stopping``.
n_references
    Number of references; "mean" and "median" give one.
n_references_by_kind
    Number of references, for "kmeans", "neighbors" and "sample".
n_regions
    Number of regions; fewer where :func:`kmeans_regions` finds fewer.
no_anomaly_score
    In ``fit``, if ``estimator`` gives no anomaly score.
no_box
    If X holds NaN or infinity or its rows are all the same, or a parameter is out of
    range.
no_folder
    If the folder is missing or holds no such files.
no_gradient_or_not_grouped
    In ``fit``, if the detector refuses X, if a column holds categories or
    dates, if a group is not made of the columns, or if the score has no
    gradient, as that of trees.
no_images
    In ``fit``, if X holds no finite images of one shape, a label map is of
    another shape, or the mask asks for a reconstruction that the detector
    does not give. In ``explain``, if a score is infinite or NaN.
no_numbers
    If a table holds something else than numbers, such as categories or dates.
no_score_or_no_numbers
    If `score` gives no anomaly score, or a table holds no numbers.
no_score_or_no_table
    TypeError
        In ``fit``, if ``estimator`` gives no anomaly score.
    ValueError
        In ``fit``, if the detector refuses X, or it is infinite.
not_explainable
    TypeError
        In ``fit``, if ``estimator`` gives no anomaly score.
    ValueError
        In ``fit``, if the detector refuses X, or a group is not made of its
        columns. In ``explain``, if a score is infinite or NaN.
not_explainable_within_budget
    TypeError
        In ``fit``, if ``estimator`` gives no anomaly score.
    ValueError
        In ``fit``, if the detector refuses X, a group is not made of its
        columns, or ``max_evaluations`` is below n_features + 2.
not_trainable
    In ``fit``, if X is not a finite numeric table of at least two rows, if
    training diverges, if the device is not there, or if ``warm_start``
    meets other columns or layers than before.
not_trainable_with_outliers
    In ``fit``, if X is not finite, of at least two rows or images, if
    ``X_outlier_exposure`` is empty, not finite or not like X, if
    training diverges, if the device is not there, or if ``warm_start``
    meets other columns or layers than before.
offset_
    Threshold on ``score_samples``; rows below it are anomalies.
outlier_exposure
    Outliers to learn from are given as ``fit(X, X_outlier_exposure=...)``:
    known anomalies, or rows or images of other things than X. Half of each
    training step are outliers, drawn at random, with replacement; both halves
    count alike. Without, each row is shown with noise as an outlier: Gaussian
    noise in all columns, with a standard deviation between one and ten of the
    columns' (any factor equally likely). That suits tables; for images, real
    ones of other things work much better than pixels with noise.
per_row
    Give each row's value instead of their mean.
pos_label
    Label of the anomalies, where `y_true` holds two other labels. With None
    they are 1 among 0 and 1, and -1 among -1 and +1.
prefit
    Whether the detector is taken as it is, fitted: ``fit`` then uses a copy of
    it, and learns from X only what is learned beside: what stands in for absent
    values, a threshold. "auto" does so where it is fitted; False fits a clone. A
    clone of the whole, as in a grid search, has a detector that is not fitted:
    "auto" then fits it, and True is refused, but for one in a
    :class:`sklearn.frozen.FrozenEstimator`. ``set_params`` on parameters of a
    fitted detector does not fit it again.
raises_typeerror
    If `y_true` is not a boolean array.
raises_valueerror
    If there are not two labels, `pos_label` is not one of them, or they fit
    neither code without it; if shapes differ, or scores are infinite.
reduce
    How a timestamp's score comes from those of the windows: their mean over
    the windows that hold it, the score of the window that ends there, or
    that of the most abnormal window that holds it.
references_metrics
    What stands in for removed features, such as the mean of the training
    rows: one row (n_features,) for all, one row for each of X
    (n_samples, n_features), or several for each
    (n_samples, n_references, n_features), over which the score is averaged;
    n_samples = 1 there gives all rows the same.
refused_scores
    A search gives NaN, with a warning that says why, for what a scorer refuses, such
    as folds without anomalies. Pass ``error_score="raise"`` to be stopped instead.
regions
    "kmeans": regions of each image, by :func:`kmeans_regions`; "grid": the
    cells of a grid, by :func:`grid_regions`; or a label map of all images,
    which holds 0 to K - 1.
returns_explanation
    Attributions; POSITIVE pushes the anomaly score UP.
schedule
    Whether the step size falls to zero along half a cosine, or to a tenth
    after three quarters of the epochs.
score
    A fitted detector, or a function that gives anomaly scores
    (n_samples,) of tables like `X`; HIGHER is more abnormal.
scored_estimator
    A detector, a density model, or a Pipeline that ends in one.
scores
    Anomaly scores; HIGHER is more abnormal.
scoring_batch_size
    Largest number of rows that are scored at once.
seeds_detector
    Seeds the detector's ``random_state`` where that is None.
seeds_draws
    Seeds the draws: with one seed, detectors are compared at the same points.
seeds_inner_detectors
    Where set, it seeds the detector's ``random_state`` parameters that are
    None.
seeds_training
    Seeds the first weights, the held-out rows, the order of the rows, and
    the noise.
segments
    The stretches to explain: pairs of a first position and the one
    after the last, or of the first and last labels where X is a
    DataFrame whose index holds times; or a table with columns ``start``
    and ``end`` of these. By default, the stretches that the detector
    predicts to be anomalous.
selected
    Which features an attribution names, as of :func:`select_features`.
sensors_in
    n_features_in_ : int
        Number of sensors seen in ``fit``.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the sensors seen in ``fit``, where all are strings.
series_ids
    Ids of series that are stacked one below the other in X.
series_ids_of_rows
    Ids of series that are stacked one below the other. Events, buffers and
    alarms stay within a series; thresholds serve all of them.
series_not_trainable
    In ``fit``, if X is not a finite numeric table of at least two rows, if
    its index is not in the order of time, if training diverges, if the
    device is not there, or if ``warm_start`` meets other sensors or layers
    than before.
series_offset
    Threshold on ``score_samples``; timestamps below it are anomalies.
standardized_columns
    Columns are standardised inside, so that each counts alike whatever its
    unit; a constant column is divided by its size.
standardized_images
    The pixels of a channel are standardised together, to mean zero and standard
    deviation one. A 2-D X without ``image_shape`` is a table: its columns are
    standardised each, and a row is seen as a line of pixels.
stride
    Number of timestamps from one training window to the next. "auto" gives
    at most about 5000 windows, and is at most ``window``. Scores come from
    all windows.
summed_groups
    Groups of columns that are attributed as one: group name -> columns,
    by name or position. Columns in no group stay alone. A group's value is
    the sum of its columns'.
threshold
    Scores above it are predicted to be anomalies.
threshold_contamination
    The share of the rows that ``predict`` flags.
threshold_false_alarm_rate
    The chance that a normal row is flagged: a row like the normal ones among
    those given, and not one of them. It takes ``1 / false_alarm_rate - 1``
    normal rows.
threshold_n_alerts
    The largest number of the rows that ``predict`` flags; rows that tie at the
    threshold are not flagged.
threshold_quantile
    Quantile of the ANOMALY scores above which rows are flagged: higher gives
    fewer alarms, and 0.99 is the threshold of ``contamination=0.01``.
tol
    By how much the held-out loss must fall to have improved.
training_batch_size
    Largest number of rows in a training step; "auto" is 200.
training_device
    Where to train and to score: "cpu", "cuda", or "auto", which takes a
    GPU where there is one.
training_verbose
    Whether to print a line for each epoch. Progress bars come with
    ``set_callbacks``, from :mod:`sklearn.callback`.
truth
    Which features of each row are truly anomalous.
typeerror_and_valueerror
    TypeError
        If `y_true` or `selected` is not a boolean array.
    ValueError
        If shapes differ, or a row has no anomalous feature.
unscored_places
    Rows with NaN, such as those of a series without a full window, are left out
    of all sums and keep their place: they part no event, and buffers are not
    longer across them.
unscored_rows
    Rows with NaN, such as those of a series without a full window, are left out.
validation_fraction
    Share of the training rows that is held out for ``early_stopping``, in
    (0, 1).
validation_fraction_of_series
    Share of the time that is held out for ``early_stopping``, in (0, 1):
    the last part of each run of consecutive timestamps. Windows that reach
    into it from before do not train.
validation_scores_and_best_loss
    validation_scores_ : list of float or None
        Negative mean loss of the held-out rows after each epoch; None without
        ``early_stopping``.
    best_loss_ : float
        Loss of the epoch whose weights were kept: of the held-out rows, or,
        without ``early_stopping``, of the training rows.
verbose
    Whether to show a progress bar.
volume_n_thresholds
    Number of thresholds: scores at even steps of their descending order.
volume_raises
    If the rows with a score are not of two labels, `pos_label` is not one of
    them, or they fit neither code without it; if shapes differ, scores are
    infinite, `groups` has missing ids or ids that come back, or a number is not
    whole or too small.
volume_window
    Largest length of a buffer, in rows, such as the period of the series.
warm_start
    Whether ``fit`` goes on from the weights of the last call, with a fresh
    optimiser. The columns are standardised anew.
weight_decay
    Strength of the L2 penalty on the weights.
weights_
    State of the net, by the names that torch gives it.
window_length
    Number of timestamps in a window. Less, with a warning, where fewer than
    two training windows would be so long.
y_true
    Labels: 0 normal and 1 anomalous, or +1 normal and -1 anomalous.
y_true_metrics
    Labels: 0 normal and 1 anomalous, +1 normal and -1 anomalous, or any two
    with `pos_label`.
"""
