// One alert: a query that runs every hour. It repeats daily while its condition holds, or as its query says.

@description('Name of the rule.')
param name string

@description('Region: the queried workspace\'s.')
param location string

@description('Tags.')
param tags object

@description('What the e-mail\'s subject says.')
param title string

@description('What the e-mail says to do.')
param whatToDo string

@description('0 (critical) to 4 (verbose).')
@minValue(0)
@maxValue(4)
param severity int

@description('The workspace that is queried.')
param workspaceId string

@description('The KQL. Azure Monitor takes ago() with a literal only, and no let around a time.')
param query string

@description('The table may not exist when the rule is made: its query is then not checked.')
param tableMayBeMissing bool = false

@description('Column that is compared with the threshold; empty: the number of rows.')
param measure string = ''

@description('GreaterThan or LessThan.')
@allowed([
  'GreaterThan'
  'LessThan'
])
param operator string

@description('The threshold.')
param threshold int

@description('Columns with a separate alert for each value, named in the e-mail; empty: none.')
param dimensions array = []

@description('How long it is silent after an e-mail. Empty: not at all. Whether silence is for one value of a dimension or for the whole rule is not documented: where values must not silence each other, the query says how often each is told.')
param mute string = 'P1D'

@description('Who gets the e-mail.')
param actionGroupId string

var splitting = [for each in dimensions: {
  name: each
  operator: 'Include'
  values: [
    '*'
  ]
}]
var criterion = {
  query: query
  timeAggregation: empty(measure) ? 'Count' : 'Total'
  operator: operator
  threshold: threshold
  dimensions: splitting
  failingPeriods: {
    numberOfEvaluationPeriods: 1
    minFailingPeriodsToAlert: 1
  }
}

resource rule 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: name
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: title
    description: whatToDo
    severity: severity
    enabled: true
    scopes: [
      workspaceId
    ]
    evaluationFrequency: 'PT1H'
    windowSize: 'P1D'
    // Without it the range would be windowSize, and cut the queries' own, longer ones. Two days are the maximum.
    overrideQueryTimeRange: 'P2D'
    criteria: {
      allOf: [
        union(criterion, empty(measure) ? {} : {
          metricMeasureColumn: measure
        })
      ]
    }
    autoMitigate: false
    muteActionsDuration: empty(mute) ? null : mute
    skipQueryValidation: tableMayBeMissing
    actions: {
      actionGroups: [
        actionGroupId
      ]
    }
  }
}
